//! A run of ffmpeg that converts a recording to WAV.

use std::ffi::OsString;
use std::io::{Cursor, Read};
use std::num::NonZero;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::log::Log;
use super::output::Output;
use super::program::command;
use super::{Ffmpeg, FfmpegError};
use crate::audio::{AudioError, DecodeOptions, riff, tracks};

/// The demuxers that ffmpeg may use: those of recordings in a single file. Playlists and other formats that refer to
/// more files or URLs are missing (`concat`, `dash`, `hls`, `imf`, `rtsp`, `sdp` and `image2`, for example), and so are
/// `amrnb` and `amrwb`, which accept any file: the page of a web server instead of a recording would be decoded.
const FORMATS: &str = "aa,aac,aax,ac3,act,aea,aiff,alaw,amr,ape,apm,aptx,asf,asf_o,ast,au,avi,caf,codec2,daud,dsf,\
    dss,dts,dtshd,dv,eac3,ea,ffm,flac,flv,g722,g723_1,g726,g726le,g729,gsm,gxf,iff,ilbc,ircam,kux,lc3,\
    live_flv,loas,lxf,matroska,mlp,mmf,mov,mp3,mpc,mpc8,mpeg,mpegts,mtaf,mulaw,mxf,nistsphere,nsv,nut,nuv,\
    ogg,oma,osq,paf,pvf,qcp,r3d,rm,rso,sbc,sbg,sds,sdx,shn,sln,smjpeg,sol,sox,spdif,tak,truehd,tta,tun,vag,\
    voc,vqf,w64,wav,webm,wsd,wtv,wv,wve,xwma";
/// Maximum size of a memory block of ffmpeg, in bytes.
const MAX_ALLOC_BYTES: u64 = 256 << 20;
/// Maximum size of the header of the WAV stream, in bytes.
const MAX_HEADER_BYTES: u64 = 4096;
/// How long ffmpeg may take to end after it has closed its output.
const EXIT_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause between the checks whether it has ended.
const EXIT_PAUSE: Duration = Duration::from_millis(5);
/// How long the log may take to arrive after the end: another program may hold it open.
const LOG_TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum share of the time in which a recording of the maximum duration would be played.
const MAX_TIME_SHARE: f64 = 0.1;
/// Seconds by which a recording that is too long is decoded beyond the limit, so that it is detected.
const EXCESS_S: f64 = 1.0;
/// Maximum of the option for the duration, in seconds.
const MAX_OPTION_S: f64 = 1e9;

/// A running conversion. ffmpeg is killed when it is dropped.
pub(crate) struct Conversion {
    child: Child,
    log: Receiver<Log>,
    timed_out: Arc<AtomicBool>,
    timeout: Duration,
    track: Option<NonZero<usize>>,
}

/// Why a conversion failed.
pub(crate) enum Failure {
    /// The file does not have the selected audio track.
    NoSuchTrack {
        number: usize,
        tracks: String,
    },
    /// The file has tracks, but no audio track.
    NoAudioTrack,
    Ffmpeg(FfmpegError),
}

/// What ffmpeg reported about a recording.
pub(crate) struct Report {
    /// Duration in the header, in seconds, if the file contains nothing else.
    pub(crate) expected_s: Option<f64>,
    pub(crate) warnings: Vec<String>,
}

impl Failure {
    /// The error of a file that the decoders of this crate refuse, too.
    pub(crate) fn into_error(self, refusal: AudioError) -> AudioError {
        match self {
            Self::NoSuchTrack { number, tracks } => AudioError::NoSuchTrack { number, tracks },
            Self::NoAudioTrack => AudioError::NoAudioTrack,
            Self::Ffmpeg(ffmpeg) => AudioError::NoDecoder {
                refusal: Box::new(refusal),
                ffmpeg,
            },
        }
    }
}

impl From<FfmpegError> for Failure {
    fn from(error: FfmpegError) -> Self {
        Self::Ffmpeg(error)
    }
}

/// The WAV stream. Remembers whether ffmpeg took too long.
struct Wav {
    output: Output,
    timed_out: Arc<AtomicBool>,
}

impl Read for Wav {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.output.read(buffer);
        if read.is_err() {
            self.timed_out.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl Conversion {
    /// Starts the conversion of a file. Returns the header of the WAV stream, and the stream from its first sample.
    ///
    /// # Errors
    ///
    /// Fails if ffmpeg is not found, or cannot decode the file.
    pub(crate) fn start(
        path: &Path,
        options: &DecodeOptions,
    ) -> Result<(Self, riff::Header, impl Read + Send + Sync + 'static), Failure> {
        let Ffmpeg { timeout, .. } = options.ffmpeg;
        let program = options.ffmpeg.find().ok_or(FfmpegError::NotFound)?;
        let mut input = OsString::from("file:");
        input.push(std::path::absolute(path).map_err(FfmpegError::Start)?);
        let mut child = command(&program)
            .args(arguments(&input, options))
            .stderr(Stdio::piped())
            .spawn()
            .map_err(FfmpegError::Start)?;
        let (send, log) = channel();
        if let Some(stderr) = child.stderr.take() {
            let input = input.to_string_lossy().into_owned();
            std::thread::spawn(move || send.send(Log::read(&input, stderr)));
        }
        let stdout = child.stdout.take();
        let mut conversion = Self {
            child,
            log,
            timed_out: Arc::default(),
            timeout,
            track: options.track,
        };
        let stdout = stdout.ok_or_else(|| failed("it has no output"))?;
        let limit_s = options.limits.seconds * MAX_TIME_SHARE;
        let total = Duration::try_from_secs_f64(limit_s).unwrap_or(Duration::MAX);
        let mut wav = Wav {
            output: Output::new(stdout, timeout, timeout.saturating_add(total))
                .cancel_token(&options.cancel),
            timed_out: Arc::clone(&conversion.timed_out),
        };
        let mut start = Vec::new();
        let read = wav.by_ref().take(MAX_HEADER_BYTES).read_to_end(&mut start);
        let header =
            riff::Header::read(riff::Kind::LittleEndian, &mut Cursor::new(&start), u64::MAX);
        let (Ok(_), Ok(header)) = (read, header) else {
            // If there is more, it does not end by itself.
            if (start.len() as u64) < MAX_HEADER_BYTES {
                conversion.finish()?;
            }
            return Err(failed("it wrote no WAV").into());
        };
        let header_bytes = usize::try_from(header.start).unwrap_or(usize::MAX);
        let samples = start.split_off(header_bytes.min(start.len()));
        Ok((conversion, header, Cursor::new(samples).chain(wav)))
    }

    /// Waits for the end, after the output was read to its end.
    ///
    /// # Errors
    ///
    /// Fails if ffmpeg failed, or does not end.
    pub(crate) fn finish(&mut self) -> Result<Report, Failure> {
        let status = match self.timed_out.load(Ordering::Relaxed) {
            true => None,
            false => self.wait(),
        };
        self.kill();
        let Some(status) = status else {
            return Err(FfmpegError::TimedOut(self.timeout).into());
        };
        let log = self.log.recv_timeout(LOG_TIMEOUT).unwrap_or_default();
        if !status.success() {
            return Err(self.failure(status, &log));
        }
        let mut warnings = Vec::new();
        if self.track.is_none() {
            warnings.extend(tracks::others(labels(&log)));
        }
        if log.is_damaged {
            warnings.push(
                "the recording is damaged or truncated: some of its packets are corrupt".to_owned(),
            );
        }
        Ok(Report {
            // The duration is that of the longest track.
            expected_s: log.duration_s.filter(|_| log.streams == 1),
            warnings,
        })
    }

    /// The reason of a failure.
    fn failure(&self, status: ExitStatus, log: &Log) -> Failure {
        let labels = labels(log).map(|(label, _)| label).collect::<Vec<_>>();
        match self.track {
            _ if labels.is_empty() && log.streams > 0 => Failure::NoAudioTrack,
            Some(track) if !labels.is_empty() && track.get() > labels.len() => {
                Failure::NoSuchTrack {
                    number: track.get(),
                    tracks: labels.join(", "),
                }
            }
            _ => match &log.error {
                Some(error) => failed(error).into(),
                None => failed(&status.to_string()).into(),
            },
        }
    }

    /// Waits until the program has ended, or returns `None` if it does not.
    fn wait(&mut self) -> Option<ExitStatus> {
        let start = Instant::now();
        while start.elapsed() < EXIT_TIMEOUT {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            std::thread::sleep(EXIT_PAUSE);
        }
        None
    }

    fn kill(&mut self) {
        // Both fail only if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Conversion {
    fn drop(&mut self) {
        self.kill();
    }
}

fn failed(message: &str) -> FfmpegError {
    FfmpegError::Failed(message.to_owned())
}

/// The audio tracks, and whether each was decoded.
fn labels(log: &Log) -> impl Iterator<Item = (String, bool)> {
    (1..)
        .zip(log.tracks())
        .map(|(number, (language, is_selected))| (tracks::label(number, language), is_selected))
}

/// The arguments of ffmpeg.
fn arguments(input: &std::ffi::OsStr, options: &DecodeOptions) -> Vec<OsString> {
    let max_alloc = MAX_ALLOC_BYTES.to_string();
    let end = (options.limits.seconds + EXCESS_S)
        .clamp(0.0, MAX_OPTION_S)
        .to_string();
    let mut arguments = Vec::new();
    let mut add = |more: &[&str]| arguments.extend(more.iter().map(OsString::from));
    add(&[
        "-nostdin",
        "-hide_banner",
        "-nostats",
        "-loglevel",
        "level+info",
    ]);
    add(&[
        "-max_alloc",
        &max_alloc,
        "-filter_threads",
        "1",
        "-threads",
        "1",
    ]);
    // Of the input: no network, and no other file.
    add(&[
        "-protocol_whitelist",
        "file",
        "-format_whitelist",
        FORMATS,
        "-i",
    ]);
    arguments.push(input.to_owned());
    let mut add = |more: &[&str]| arguments.extend(more.iter().map(OsString::from));
    if let Some(number) = options.track {
        add(&["-map", &format!("0:a:{}", number.get() - 1)]);
    }
    add(&[
        "-vn",
        "-sn",
        "-dn",
        "-map_metadata",
        "-1",
        "-map_chapters",
        "-1",
    ]);
    // Timestamps count: gaps become silence.
    add(&[
        "-af",
        "aresample=async=1:first_pts=0",
        "-ar",
        "16000",
        "-c:a",
        "pcm_s16le",
    ]);
    add(&["-t", &end, "-fflags", "+bitexact", "-f", "wav", "pipe:1"]);
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_that_refer_to_other_files_or_accept_any_file_are_not_allowed() {
        for format in [
            "amrnb",
            "amrwb",
            "applehttp",
            "concat",
            "dash",
            "ffmetadata",
            "hls",
            "image2",
            "imf",
            "lavfi",
            "rtp",
            "rtsp",
            "sdp",
            "webm_dash_manifest",
            "xbin",
            "tty",
        ] {
            assert!(!FORMATS.split(',').any(|name| name == format), "{format}");
        }
    }

    #[test]
    fn the_input_is_one_argument_after_its_options() {
        let track = NonZero::new(2).unwrap();
        let options = DecodeOptions::new().track(track);
        let arguments = arguments("file:/-y http://host".as_ref(), &options);
        let position = |argument: &str| {
            arguments
                .iter()
                .position(|other| other == argument)
                .unwrap()
        };
        let input = position("file:/-y http://host");
        assert_eq!(arguments[input - 1], "-i");
        for (option, value) in [("-protocol_whitelist", "file"), ("-threads", "1")] {
            assert!(position(option) < input);
            assert_eq!(arguments[position(option) + 1], value);
        }
        for (option, value) in [("-map", "0:a:1"), ("-t", "86401")] {
            assert!(position(option) > input);
            assert_eq!(arguments[position(option) + 1], value);
        }
        let without = super::arguments("file:/a".as_ref(), &DecodeOptions::new());
        assert!(!without.iter().any(|argument| argument == "-map"));
    }
}
