//! What the demuxers of this crate share.

use symphonia::core::errors::{Error, Result, SeekErrorKind};
use symphonia::core::formats::{
    FormatId, FormatInfo, FormatReader, MediaInfo, SeekMode, SeekTo, SeekedTo, Track,
};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::{Metadata, MetadataLog};
use symphonia::core::packet::Packet;
use symphonia::core::units::Timestamp;

/// The timestamp of a packet that starts where the previous one of its track ends.
pub(super) const CONTINUES: Timestamp = Timestamp::MAX;

/// The stream that a demuxer reads.
pub(super) type Stream = MediaSourceStream<'static>;

/// Reads packets in the order of the file.
pub(super) trait Demux: Send + Sync {
    /// The tracks of the current stream.
    fn tracks(&self) -> &[Track];

    /// Reads the next packet, or returns `None` at the end.
    ///
    /// # Errors
    ///
    /// Fails with `ResetRequired` if other tracks follow, and with an unexpected end of file if the end is missing.
    fn next_packet(&mut self, stream: &mut Stream) -> Result<Option<Packet>>;
}

/// Adapts a [`Demux`] to the interface of symphonia.
pub(super) struct Demuxer<D> {
    info: FormatInfo,
    media: MediaInfo,
    metadata: MetadataLog,
    stream: Stream,
    demux: D,
}

impl<D: Demux> Demuxer<D> {
    /// Creates a demuxer whose next packet is at the position of `stream`.
    pub(super) fn new(format: FormatId, media: MediaInfo, stream: Stream, demux: D) -> Self {
        Self {
            info: FormatInfo {
                format,
                short_name: "",
                long_name: "",
            },
            media,
            metadata: MetadataLog::default(),
            stream,
            demux,
        }
    }
}

impl<D: Demux> FormatReader for Demuxer<D> {
    fn format_info(&self) -> &FormatInfo {
        &self.info
    }

    fn media_info(&self) -> &MediaInfo {
        &self.media
    }

    fn metadata(&mut self) -> Metadata<'_> {
        self.metadata.metadata()
    }

    fn seek(&mut self, _: SeekMode, _: SeekTo) -> Result<SeekedTo> {
        Err(Error::SeekError(SeekErrorKind::Unseekable))
    }

    fn tracks(&self) -> &[Track] {
        self.demux.tracks()
    }

    fn next_packet(&mut self) -> Result<Option<Packet>> {
        self.demux.next_packet(&mut self.stream)
    }

    fn into_inner<'s>(self: Box<Self>) -> MediaSourceStream<'s>
    where
        Self: 's,
    {
        self.stream
    }
}
