//! The file `config.json` of a model folder.

use serde::Deserialize;

/// What the tensors of a model do not say.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Config {
    /// The attention heads of the decoder that follow the speech, as pairs of layer and head. Empty if unknown.
    pub(super) alignment_heads: Vec<(usize, usize)>,
    /// The tokens of the languages. Empty if unknown.
    pub(super) lang_ids: Vec<u32>,
    /// Tokens that a transcript never contains, such as those of music and brackets.
    pub(super) suppress_ids: Vec<u32>,
    /// Tokens that no transcript starts with.
    pub(super) suppress_ids_begin: Vec<u32>,
}

impl Config {
    /// Parses the file.
    pub(super) fn parse(json: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(json).map_err(|error| error.to_string())
    }

    /// The heads that exist in a decoder with this many layers and heads, or all of its second half if there are none.
    pub(super) fn alignment_heads(&self, layers: usize, heads: usize) -> Vec<(usize, usize)> {
        let exists = |(layer, head): &(usize, usize)| *layer < layers && *head < heads;
        let mut found: Vec<_> = self
            .alignment_heads
            .iter()
            .copied()
            .filter(exists)
            .collect();
        if found.is_empty() {
            let upper = layers / 2..layers;
            found = upper
                .flat_map(|layer| (0..heads).map(move |head| (layer, head)))
                .collect();
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_fields_are_empty_and_alignment_heads_have_a_default() {
        let config = Config::parse(br#"{"suppress_ids": [1, 2], "other": {}}"#).unwrap();
        assert_eq!(config.suppress_ids, [1, 2]);
        assert_eq!(config.alignment_heads(2, 2), [(1, 0), (1, 1)]);
        let config = Config::parse(br#"{"alignment_heads": [[1, 0], [7, 0], [1, 9]]}"#).unwrap();
        assert_eq!(config.alignment_heads(2, 2), [(1, 0)]);
        assert!(Config::parse(b"[").is_err());
    }
}
