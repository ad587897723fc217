//! Recordings that ffmpeg decodes, since the decoders of the engine refuse them.

use std::num::NonZero;
use std::path::Path;

use pyannote_engine::audio::{AudioError, DecodeOptions, Decoder, Ffmpeg, Limits, decode_with};
use tempfile::TempDir;

use super::tone::{fixture, measure};

pub(crate) mod tool;

fn options(ffmpeg: Ffmpeg) -> DecodeOptions {
    DecodeOptions::new().ffmpeg(ffmpeg)
}

#[test]
fn a_refusal_says_whether_ffmpeg_would_help() {
    for (name, refusal) in [
        (
            "ac3.mka",
            "unsupported codec AC-3: convert the recording, for example to FLAC or WAV",
        ),
        ("silent_film.mp4", "the file has no audio track"),
        (
            "README.md",
            "the file is not a recording in a supported format",
        ),
    ] {
        let error = decode_with(fixture(name), &options(Ffmpeg::off())).unwrap_err();
        assert_eq!(error.to_string(), refusal);
        let missing = Ffmpeg::program("/nowhere/ffmpeg");
        let error = decode_with(fixture(name), &options(missing)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{refusal}; ffmpeg cannot be run")
        );
    }
}

#[cfg(unix)]
mod fake {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;

    /// The fake program, called by `name`. It ends with the folder's owner.
    fn fake(folder: &TempDir, name: &str) -> Ffmpeg {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ffmpeg/fake.sh");
        let link = folder.path().join(name);
        std::os::unix::fs::symlink(script, &link).unwrap();
        Ffmpeg::program(link)
    }

    /// The number of samples, and the warnings, or the error.
    fn decoded(name: &str) -> Result<(usize, Vec<String>), String> {
        let folder = tempfile::tempdir().unwrap();
        // Only those that hang wait for this.
        let ffmpeg = fake(&folder, name).timeout(match name.starts_with("hangs") {
            true => Duration::from_millis(500),
            false => Duration::from_secs(60),
        });
        let options = options(ffmpeg).limits(Limits::default().max_seconds(100.0));
        let mut decoder =
            Decoder::open(fixture("ac3.mka"), &options).map_err(|error| error.to_string())?;
        assert!(decoder.is_decoded_by_ffmpeg());
        let mut samples = 0;
        for block in &mut decoder {
            samples += block
                .map_err(|error| format!("{error} after {samples}"))?
                .len();
        }
        Ok((samples, decoder.warnings().to_vec()))
    }

    #[test]
    fn a_function_is_called_with_the_reason_before_ffmpeg_decodes() {
        let folder = tempfile::tempdir().unwrap();
        let reasons = Arc::new(Mutex::new(Vec::new()));
        let call = Arc::clone(&reasons);
        let options = options(fake(&folder, "second"))
            .on_ffmpeg(move |reason| call.lock().unwrap().push(reason.to_owned()));
        decode_with(fixture("tone.flac"), &options).unwrap();
        assert_eq!(*reasons.lock().unwrap(), [""; 0]);
        decode_with(fixture("ac3.mka"), &options).unwrap();
        let reason = "unsupported codec AC-3: convert the recording, for example to FLAC or WAV";
        assert_eq!(*reasons.lock().unwrap(), [reason]);
    }

    #[test]
    fn what_ffmpeg_writes_is_decoded_to_its_end() {
        assert_eq!(decoded("second"), Ok((16_000, Vec::new())));
        let damaged = "the recording is damaged or truncated: some of its packets are corrupt";
        let (samples, warnings) = decoded("floods-log").unwrap();
        assert_eq!((samples, warnings), (16_000, vec![damaged.to_owned()]));
    }

    #[test]
    fn a_program_that_fails_is_named_with_both_reasons() {
        let refusal = "unsupported codec AC-3: convert the recording, for example to FLAC or WAV";
        for (name, reason) in [
            (
                "hangs",
                "ffmpeg was stopped: it wrote nothing for 500ms, or took too long",
            ),
            (
                "hangs-after-two-seconds",
                "ffmpeg was stopped: it wrote nothing for 500ms, or took too long",
            ),
            ("fails", "ffmpeg failed, too: no such codec"),
            ("fails-after-a-second", "ffmpeg failed, too: out of ideas"),
            ("writes-garbage", "ffmpeg failed, too: it wrote no WAV"),
            ("writes-nothing", "ffmpeg failed, too: it wrote no WAV"),
        ] {
            let error = decoded(name).unwrap_err();
            let (error, _) = error.split_once(" after ").unwrap_or((&error, ""));
            assert_eq!(error, format!("{refusal}; {reason}"), "{name}");
        }
    }

    #[test]
    fn output_beyond_the_limit_is_too_long() {
        let error = decoded("floods-output").unwrap_err();
        assert!(
            error.starts_with("the recording is too long: the maximum is 100 s"),
            "{error}"
        );
    }

    #[test]
    fn the_program_sees_neither_the_environment_nor_a_shell() {
        let folder = tempfile::tempdir().unwrap();
        let recording = folder.path().join("-y $(touch here); \"x\" 'y'.avi");
        std::fs::write(&recording, "no recording").unwrap();
        decode_with(&recording, &options(fake(&folder, "tells"))).unwrap_err();
        let told =
            |what| std::fs::read_to_string(folder.path().join(format!("tells.{what}"))).unwrap();
        let arguments = told("arguments");
        let input = format!("file:{}", recording.display());
        assert!(
            arguments.lines().any(|argument| argument == input),
            "{arguments}"
        );
        assert!(!folder.path().join("here").exists());
        let allowed = ["PATH", "LD_LIBRARY_PATH", "PWD", "OLDPWD", "SHLVL", "_"];
        for variable in told("environment").lines() {
            let (name, _) = variable.split_once('=').unwrap();
            assert!(allowed.contains(&name), "{variable}");
        }
        // That of the program: relative paths lead nowhere else.
        assert_eq!(
            Path::new(told("folder").trim_end()),
            folder.path().canonicalize().unwrap()
        );
        // Those of the shell, and of the program `ls`.
        #[cfg(target_os = "linux")]
        for file in told("files")
            .lines()
            .filter_map(|line| line.split_once(" -> "))
        {
            let known = [
                "/dev/null",
                "pipe:[",
                "/proc/",
                folder.path().to_str().unwrap(),
            ];
            assert!(
                known.iter().any(|start| file.1.starts_with(start)),
                "{file:?}"
            );
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_program_ends_with_its_decoder() {
        let folder = tempfile::tempdir().unwrap();
        let options = options(fake(&folder, "hangs-after-two-seconds"));
        let mut decoder = Decoder::open(fixture("ac3.mka"), &options).unwrap();
        assert!(decoder.next().unwrap().is_ok());
        let pid =
            std::fs::read_to_string(folder.path().join("hangs-after-two-seconds.pid")).unwrap();
        let process = Path::new("/proc").join(pid.trim());
        assert!(process.exists());
        drop(decoder);
        assert!(!process.exists());
    }
}

/// With the ffmpeg of this machine.
mod real {
    use std::net::TcpListener;

    use super::tool::{Tool, ffmpeg};
    use super::*;

    /// A tone of 2 s as an input of ffmpeg.
    const TONE: &str = "-f lavfi -i aevalsrc=0.5*sin(2*PI*440*t):s=16000:d=2";
    const SILENCE: &str = "-f lavfi -i anullsrc=r=16000:cl=mono:d=2";
    const VIDEO: &str = "-f lavfi -i testsrc=d=2:s=64x64:r=5";

    fn tool(test: &str) -> Option<(Tool, TempDir)> {
        Some((ffmpeg(test)?, tempfile::tempdir().unwrap()))
    }

    #[test]
    fn formats_that_the_engine_refuses_are_decoded() {
        let Some((ffmpeg, folder)) = tool("formats_that_the_engine_refuses_are_decoded") else {
            return;
        };
        let mut decoded = 0;
        for (name, inputs, output) in [
            ("mp3.avi", vec![VIDEO, TONE], "-c:v mpeg4 -c:a libmp3lame"),
            ("wmav2.wma", vec![TONE], "-c:a wmav2"),
            ("ac3.ts", vec![VIDEO, TONE], "-c:v mpeg2video -c:a ac3"),
            ("aac.ts", vec![TONE], "-c:a aac"),
            ("eac3.mkv", vec![TONE], "-c:a eac3"),
            ("dts.mkv", vec![TONE], "-ar 48000 -c:a dca -strict -2"),
            ("aac.flv", vec![TONE], "-ar 44100 -c:a aac"),
            ("wavpack.wv", vec![TONE], "-c:a wavpack"),
            ("tta.tta", vec![TONE], "-c:a tta"),
            ("speex.ogg", vec![TONE], "-c:a libspeex"),
            ("gsm.wav", vec![TONE], "-ar 8000 -c:a libgsm_ms"),
            ("amrnb.amr", vec![TONE], "-ar 8000 -c:a libopencore_amrnb"),
            ("g722.wav", vec![TONE], "-c:a g722"),
        ] {
            let path = folder.path().join(name);
            if !ffmpeg.create(&inputs, output, &path) {
                continue;
            }
            decoded += 1;
            let mut decoder = Decoder::open(&path, &options(Ffmpeg::on_path())).unwrap();
            let blocks: Result<Vec<_>, _> = decoder.by_ref().collect();
            let samples = blocks
                .unwrap_or_else(|error| panic!("{name}: {error}"))
                .concat();
            assert!(decoder.is_decoded_by_ffmpeg(), "{name}");
            assert_eq!(decoder.warnings(), [""; 0], "{name}");
            // Some formats have no exact length.
            assert!(
                samples.len().abs_diff(32_000) < 2_000,
                "{name}: {}",
                samples.len()
            );
            let measured = measure(&samples[..30_000]);
            assert!(
                measured.gain_db.abs() < 1.5 && measured.noise < 0.4,
                "{name}: {measured:?}"
            );
        }
        assert!(decoded >= 8, "{decoded}");
    }

    #[test]
    fn tracks_are_selected_and_named() {
        let Some((ffmpeg, folder)) = tool("tracks_are_selected_and_named") else {
            return;
        };
        let path = folder.path().join("two.ts");
        let maps = "-map 0 -map 1 -map 2 -c:v mpeg2video -c:a ac3 -metadata:s:a:0 language=eng \
                    -metadata:s:a:1 language=ger";
        assert!(ffmpeg.create(&[VIDEO, SILENCE, TONE], maps, &path));
        let decode = |track: Option<usize>| {
            let options = options(Ffmpeg::on_path());
            match track.and_then(NonZero::new) {
                Some(track) => decode_with(&path, &options.track(track)),
                None => decode_with(&path, &options),
            }
        };
        let peak = |recording: &pyannote_engine::Recording| {
            recording
                .samples(..)
                .unwrap()
                .iter()
                .fold(0.0_f32, |peak, sample| peak.max(*sample))
        };
        let default = decode(None).unwrap();
        assert_eq!(
            default.warnings(),
            ["the recording has 2 audio tracks: track 1 (eng) was decoded, but not track 2 (ger)"]
        );
        assert!(peak(&default) < 0.01);
        let second = decode(Some(2)).unwrap();
        assert_eq!(second.warnings(), [""; 0]);
        assert!(peak(&second) > 0.4);
        let error = decode(Some(3)).unwrap_err();
        let message = "the recording has no audio track 3: it has track 1 (eng), track 2 (ger)";
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn timestamps_count() {
        let Some((ffmpeg, folder)) = tool("timestamps_count") else {
            return;
        };
        let path = folder.path().join("late.mkv");
        let late = format!("-itsoffset 1.5 {TONE}");
        assert!(ffmpeg.create(&[VIDEO, &late], "-c:v mpeg2video -c:a ac3", &path));
        let recording = decode_with(&path, &options(Ffmpeg::on_path())).unwrap();
        assert!(
            (recording.duration() - 3.5).abs() < 0.05,
            "{}",
            recording.duration()
        );
        let start = recording
            .samples(..)
            .unwrap()
            .iter()
            .position(|sample| sample.abs() > 0.1)
            .unwrap();
        assert!(start.abs_diff(24_000) < 400, "{start}");
    }

    #[test]
    fn what_is_missing_or_beyond_the_limits_is_reported() {
        let Some((ffmpeg, folder)) = tool("what_is_missing_or_beyond_the_limits_is_reported")
        else {
            return;
        };
        let path = folder.path().join("tone.avi");
        assert!(ffmpeg.create(&[TONE], "-c:a pcm_s16le", &path));
        let limits = Limits::default().max_seconds(1.0);
        let error = decode_with(&path, &options(Ffmpeg::on_path()).limits(limits)).unwrap_err();
        assert!(matches!(error, AudioError::TooLong { .. }), "{error}");

        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let recording = decode_with(&path, &options(Ffmpeg::on_path())).unwrap();
        assert!(recording.duration() < 1.2, "{}", recording.duration());
        let warnings = recording.warnings().join("\n");
        assert!(warnings.contains("damaged or truncated"), "{warnings}");
    }

    #[test]
    fn no_other_file_and_no_server_is_read() {
        let Some((ffmpeg, folder)) = tool("no_other_file_and_no_server_is_read") else {
            return;
        };
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        server.set_nonblocking(true).unwrap();
        let url = format!("http://{}/secret.wav", server.local_addr().unwrap());
        assert!(ffmpeg.create(&[TONE], "-c:a pcm_s16le", &folder.path().join("secret.wav")));
        let segments = |target: &str| {
            format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{target}\n#EXT-X-ENDLIST\n")
        };
        let secret = folder.path().join("secret.wav");
        let secret = secret.to_str().unwrap();
        let sdp = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n";
        let dash = |target: &str| {
            format!(
                "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" \
                 mediaPresentationDuration=\"PT2S\"><Period><AdaptationSet mimeType=\"audio/mp4\">\
                 <Representation id=\"1\" bandwidth=\"1\"><BaseURL>{target}</BaseURL>\
                 <SegmentBase/></Representation></AdaptationSet></Period></MPD>"
            )
        };
        let mut refused = 0;
        for (name, content) in [
            (
                "concat.wav",
                "ffconcat version 1.0\nfile secret.wav\n".to_owned(),
            ),
            (
                "concat.ffconcat",
                format!("ffconcat version 1.0\nfile '{secret}'\n"),
            ),
            (
                "url.ffconcat",
                format!("ffconcat version 1.0\nfile '{url}'\n"),
            ),
            ("hls.wav", segments("secret.wav")),
            ("hls.m3u8", segments(secret)),
            ("url.m3u8", segments(&url)),
            ("hls.ts", segments(&format!("concat:{secret}"))),
            ("dash.mpd", dash(&url)),
            ("dash.wav", dash("secret.wav")),
            ("rtp.sdp", sdp.to_owned()),
            ("list.pls", format!("[playlist]\nFile1={url}\n")),
            ("image%d.wav", "P6 1 1 255 abc".to_owned()),
            ("meta.wav", ";FFMETADATA1\ntitle=x\n".to_owned()),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            let error = decode_with(&path, &options(Ffmpeg::on_path())).unwrap_err();
            assert!(
                matches!(error, AudioError::NoDecoder { .. }),
                "{name}: {error}"
            );
            let text = error.to_string();
            assert!(
                !text.contains("secret") && !text.contains("127.0.0.1"),
                "{name}: {text}"
            );
            refused += 1;
            // The test is worth something only if ffmpeg would read the other file.
            if name == "concat.wav" {
                let input = format!("-i {}", path.to_str().unwrap());
                assert!(ffmpeg.create(&[&input], "", &folder.path().join("copy.wav")));
            }
        }
        assert_eq!(refused, 13);
        let error = server.accept().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    }

    #[test]
    fn unsupported_profiles_of_a_supported_codec_are_decoded() {
        let Some((ffmpeg, folder)) = tool("unsupported_profiles_of_a_supported_codec_are_decoded")
        else {
            return;
        };
        let path = folder.path().join("surround.m4a");
        assert!(ffmpeg.create(
            &[TONE],
            "-af pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0 -c:a aac",
            &path
        ));
        let mut decoder = Decoder::open(&path, &options(Ffmpeg::on_path())).unwrap();
        let samples: usize = decoder.by_ref().map(|block| block.unwrap().len()).sum();
        assert!(decoder.is_decoded_by_ffmpeg());
        // ffmpeg does not drop the padding at the end.
        assert!(samples.abs_diff(32_000) <= 1_024, "{samples}");
        let error = decode_with(&path, &options(Ffmpeg::off())).unwrap_err();
        assert!(matches!(error, AudioError::UnsupportedCodec(_)), "{error}");
    }
}
