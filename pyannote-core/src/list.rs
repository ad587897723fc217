//! The collection traits that [`Turns`](crate::Turns), [`Transcript`](crate::Transcript) and
//! [`AttributedWords`](crate::AttributedWords) share.

/// Makes `$list`, a newtype around `Vec<$item>`, behave like the vector inside it.
macro_rules! impl_list {
    ($list:ident, $item:ident) => {
        impl $list {
            #[doc = concat!("Creates an empty `", stringify!($list), "`.")]
            #[must_use]
            pub const fn new() -> Self {
                Self(Vec::new())
            }

            /// Appends an item to the end of the list.
            pub fn push(&mut self, item: $item) {
                self.0.push(item);
            }

            /// Returns the items as a slice.
            #[must_use]
            pub fn as_slice(&self) -> &[$item] {
                &self.0
            }

            /// Returns the items as a vector, without copying them.
            #[must_use]
            pub fn into_vec(self) -> Vec<$item> {
                self.0
            }
        }

        impl std::ops::Deref for $list {
            type Target = [$item];

            fn deref(&self) -> &[$item] {
                &self.0
            }
        }

        impl AsRef<[$item]> for $list {
            fn as_ref(&self) -> &[$item] {
                &self.0
            }
        }

        impl From<Vec<$item>> for $list {
            fn from(items: Vec<$item>) -> Self {
                Self(items)
            }
        }

        impl<const N: usize> From<[$item; N]> for $list {
            fn from(items: [$item; N]) -> Self {
                Self(items.into())
            }
        }

        impl From<$list> for Vec<$item> {
            fn from(list: $list) -> Self {
                list.0
            }
        }

        impl FromIterator<$item> for $list {
            fn from_iter<I: IntoIterator<Item = $item>>(items: I) -> Self {
                Self(items.into_iter().collect())
            }
        }

        impl Extend<$item> for $list {
            fn extend<I: IntoIterator<Item = $item>>(&mut self, items: I) {
                self.0.extend(items);
            }
        }

        impl IntoIterator for $list {
            type Item = $item;
            type IntoIter = std::vec::IntoIter<$item>;

            fn into_iter(self) -> Self::IntoIter {
                self.0.into_iter()
            }
        }

        impl<'a> IntoIterator for &'a $list {
            type Item = &'a $item;
            type IntoIter = std::slice::Iter<'a, $item>;

            fn into_iter(self) -> Self::IntoIter {
                self.0.iter()
            }
        }
    };
}

pub(crate) use impl_list;

#[cfg(test)]
mod tests {
    use crate::{AttributedWords, Transcript, TranscriptSegment, Turn, Turns};

    #[test]
    fn lists_convert_to_and_from_vectors() {
        let turns = vec![Turn::new(0.0, 1.0, "A"), Turn::new(1.0, 2.0, "B")];
        let mut list = Turns::new();
        list.push(turns[0].clone());
        list.extend(turns[1..].to_vec());
        assert_eq!(list, Turns::from(turns.clone()));
        assert_eq!(list.as_slice(), turns);
        assert_eq!(list.clone().into_iter().collect::<Turns>(), list);
        assert_eq!((&list).into_iter().count(), list.len());
        assert_eq!(Vec::from(list.clone()), turns);
        assert_eq!(list.into_vec(), turns);
    }

    #[test]
    fn transcripts_and_words_are_lists_too() {
        let segment = TranscriptSegment::new(0.0, 1.0, "Hello", "A");
        let mut transcript: Transcript = std::iter::once(segment.clone()).collect();
        transcript.push(segment.clone());
        assert_eq!(
            transcript,
            Transcript::from([segment.clone(), segment.clone()])
        );
        assert_eq!(transcript.into_vec(), [segment.clone(), segment]);
        assert_eq!(AttributedWords::new(), AttributedWords::default());
    }
}
