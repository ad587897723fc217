//! The setters of requests for identification.

use std::borrow::Borrow;

use serde_json::Value;

use super::Request;
use crate::results::{Identification, Voiceprint};

impl Request<Identification> {
    /// Adds the voiceprint of one speaker.
    ///
    /// A request needs 1 to 50 voiceprints, each with a unique label of 1 to 100 characters that does not start with
    /// `SPEAKER_`. Each must have been made by the [model](Self::model) of the request: those of `precision-2` and
    /// `precision-3` cannot be compared.
    ///
    /// ```no_run
    /// # async fn run(client: pyannote::Client, ada: pyannote::Voiceprint) -> Result<(), pyannote::Error> {
    /// let identification = client
    ///     .identify("https://example.com/meeting.wav")
    ///     .voiceprint("Ada", &ada)
    ///     .threshold(50.0)
    ///     .await?;
    /// for turn in identification.turns() {
    ///     println!("{} at {} s", turn.speaker, turn.start);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn voiceprint(mut self, label: impl Into<String>, voiceprint: &Voiceprint) -> Self {
        self.fields
            .voiceprints
            .push((label.into(), voiceprint.clone()));
        self
    }

    /// Adds voiceprints with their labels, from a map or from an iterator of pairs.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use pyannote::{Identification, Request, Voiceprint};
    ///
    /// fn with_team(
    ///     request: Request<Identification>,
    ///     team: &BTreeMap<String, Voiceprint>,
    /// ) -> Request<Identification> {
    ///     request.voiceprints(team)
    /// }
    /// ```
    pub fn voiceprints<L: AsRef<str>, V: Borrow<Voiceprint>>(
        mut self,
        voiceprints: impl IntoIterator<Item = (L, V)>,
    ) -> Self {
        for (label, voiceprint) in voiceprints {
            self = self.voiceprint(label.as_ref(), voiceprint.borrow());
        }
        self
    }

    /// Sets the minimum confidence of a match, 0..100.
    ///
    /// The default is 0: every speaker is matched to the most similar voiceprint, even if its speaker is not in the
    /// recording. Enrolled speakers score about 78 to 90, others 16 to 48.
    pub fn threshold(mut self, threshold: f64) -> Self {
        self.fields.matching.threshold = Some(threshold);
        self
    }

    /// Sets whether each voiceprint matches at most one speaker. The service's default is `true`.
    pub fn exclusive_matching(mut self, exclusive: bool) -> Self {
        self.fields.matching.exclusive = Some(exclusive);
        self
    }

    /// Sets a field of `matching` that this version does not know.
    pub fn matching_extra(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let extra = &mut self.fields.matching.extra;
        extra.insert(name.into(), value.into());
        self
    }
}
