//! The vocabulary of a model: byte-level byte-pair encoding, whose tokens are strings of bytes.

/// Token ids with a meaning of their own, by their names in the vocabulary.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Special {
    /// The end of a transcript. All tokens of text are below it.
    pub(crate) end: u32,
    /// The start of the decoder's input.
    pub(crate) start: u32,
    /// The task: to transcribe, and not to translate.
    pub(crate) transcribe: u32,
    /// The transcript has no tokens of time.
    pub(crate) no_timestamps: u32,
    /// Nobody speaks.
    pub(crate) no_speech: u32,
}

/// The tokens of a model, by their id.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    /// The bytes of each token of text.
    bytes: Vec<Vec<u8>>,
    pub(crate) special: Special,
    /// Codes of the languages with their tokens. Empty if the model is for English only.
    pub(crate) languages: Vec<(String, u32)>,
}

impl Vocabulary {
    /// Parses `vocabulary.json`: an array of tokens.
    pub(crate) fn from_json(json: &[u8], languages: &[u32]) -> Result<Self, String> {
        let tokens: Vec<String> =
            serde_json::from_slice(json).map_err(|error| error.to_string())?;
        Self::new(&tokens, languages)
    }

    /// Parses `vocabulary.txt`: a token per line.
    pub(crate) fn from_text(text: &[u8], languages: &[u32]) -> Result<Self, String> {
        let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
        let tokens: Vec<_> = text
            .strip_suffix('\n')
            .unwrap_or(text)
            .split('\n')
            .collect();
        Self::new(&tokens, languages)
    }

    /// `languages` are the tokens of the languages, or empty if unknown.
    fn new<T: AsRef<str>>(tokens: &[T], languages: &[u32]) -> Result<Self, String> {
        let find = |name: &str| {
            let position = tokens.iter().position(|token| token.as_ref() == name);
            position.map(|position| position as u32)
        };
        let required = |name: &str| find(name).ok_or_else(|| format!("{name} is missing"));
        let special = Special {
            end: required("<|endoftext|>")?,
            start: required("<|startoftranscript|>")?,
            transcribe: required("<|transcribe|>")?,
            no_timestamps: required("<|notimestamps|>")?,
            no_speech: match find("<|nospeech|>") {
                Some(id) => id,
                None => required("<|nocaptions|>")?,
            },
        };
        let code = |id: u32| {
            let name = tokens.get(id as usize)?.as_ref();
            let code = name.strip_prefix("<|")?.strip_suffix("|>")?;
            Some((code.to_owned(), id))
        };
        let between = special.start + 1..special.transcribe;
        let languages: Vec<_> = match languages {
            [] => between
                .filter_map(code)
                .filter(|(code, _)| code.len() <= 3)
                .collect(),
            _ => languages.iter().copied().filter_map(code).collect(),
        };
        let text = tokens.iter().take(special.end as usize);
        let mut vocabulary = Self {
            bytes: text.map(|token| bytes_of(token.as_ref())).collect(),
            special,
            languages,
        };
        // Models for English have the languages in their vocabulary, one token less in all, and do not use them.
        if vocabulary.special.end < MULTILINGUAL_END {
            vocabulary.languages.clear();
        }
        Ok(vocabulary)
    }

    /// The bytes of a token, of which a character may have several. Empty unless it is a token of text.
    pub(crate) fn bytes(&self, token: u32) -> &[u8] {
        self.bytes.get(token as usize).map_or(&[], Vec::as_slice)
    }

    /// The text of tokens. Invalid UTF-8 is replaced.
    pub(crate) fn text(&self, tokens: &[u32]) -> String {
        let bytes: Vec<u8> = tokens
            .iter()
            .flat_map(|token| self.bytes(*token))
            .copied()
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The token of a language.
    pub(crate) fn language(&self, code: &str) -> Option<u32> {
        let found = self.languages.iter().find(|(other, _)| other == code);
        found.map(|(_, token)| *token)
    }
}

/// The token of the end in models of several languages. It is one less in models for English.
const MULTILINGUAL_END: u32 = 50_257;

/// The bytes of a token: a character stands for each of them, so that all are printable.
fn bytes_of(token: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(token.len());
    for character in token.chars() {
        match byte_of(character) {
            Some(byte) => bytes.push(byte),
            // Not part of the encoding: taken as it is.
            None => bytes.extend(character.to_string().bytes()),
        }
    }
    bytes
}

/// Printable characters of Latin-1 stand for their own byte. The other bytes are, in order, the characters from U+0100.
fn byte_of(character: char) -> Option<u8> {
    let code = u32::from(character);
    let printable = |byte: &u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    match u8::try_from(code) {
        Ok(byte) => printable(&byte).then_some(byte),
        Err(_) => (0..=255)
            .filter(|byte| !printable(byte))
            .nth(code as usize - 256),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A vocabulary for English of these tokens of text.
    pub(crate) fn vocabulary(text: &[&str]) -> Vocabulary {
        let special = [
            "<|endoftext|>",
            "<|startoftranscript|>",
            "<|en|>",
            "<|translate|>",
            "<|transcribe|>",
            "<|nocaptions|>",
            "<|notimestamps|>",
        ];
        Vocabulary::from_text([text, &special].concat().join("\n").as_bytes(), &[]).unwrap()
    }

    #[test]
    fn tokens_are_bytes() {
        let vocabulary = vocabulary(&["Ġhello", "Ã", "©", "ĊĀ", "!", "日"]);
        assert_eq!(vocabulary.bytes(0), b" hello");
        assert_eq!(vocabulary.text(&[0, 1, 2, 4]), " helloé!");
        assert_eq!(vocabulary.text(&[1]), "\u{fffd}");
        assert_eq!(vocabulary.bytes(3), b"\n\0");
        assert_eq!(vocabulary.text(&[5]), "日");
        // Special tokens and those that do not exist.
        assert_eq!(vocabulary.text(&[6, 7, 999]), "");
        let all: Vec<u8> = (0..0x144)
            .filter_map(char::from_u32)
            .filter_map(byte_of)
            .collect();
        let mut sorted = all.clone();
        sorted.sort_unstable();
        assert!(
            sorted.into_iter().eq(0..=255),
            "each byte has one character"
        );
    }

    #[test]
    fn special_tokens_are_found_by_name() {
        let vocabulary = vocabulary(&["a", "b"]);
        let expected = Special {
            end: 2,
            start: 3,
            transcribe: 6,
            no_speech: 7,
            no_timestamps: 8,
        };
        assert_eq!(vocabulary.special, expected);
        // As in models for English only.
        assert!(vocabulary.languages.is_empty());
        assert_eq!(
            Vocabulary::from_json(br#"["a", "<|endoftext|>"]"#, &[]).unwrap_err(),
            "<|startoftranscript|> is missing"
        );
        assert!(Vocabulary::from_json(b"{}", &[]).is_err());
        assert!(Vocabulary::from_text(&[0xff], &[]).is_err());
    }

    #[test]
    fn models_of_several_languages_have_codes() {
        let mut tokens = vec!["x".to_owned(); MULTILINGUAL_END as usize];
        tokens.extend(
            [
                "endoftext",
                "startoftranscript",
                "en",
                "haw",
                "translate",
                "transcribe",
                "nospeech",
                "notimestamps",
            ]
            .map(|name| format!("<|{name}|>")),
        );
        let json = serde_json::to_vec(&tokens).unwrap();
        for ids in [&[][..], &[50_259, 50_260]] {
            let vocabulary = Vocabulary::from_json(&json, ids).unwrap();
            assert_eq!(vocabulary.language("haw"), Some(50_260), "{ids:?}");
            assert_eq!(vocabulary.languages.len(), 2, "{ids:?}");
            assert_eq!(vocabulary.language("xx"), None);
        }
    }
}
