//! Opus against the reference decoder: files of `opusenc` in all modes, decoded here and by `opusdec`.

use std::path::Path;
use std::process::{Command, Stdio};

use pyannote_engine::audio::{DecodeOptions, Ffmpeg, decode_with};

use super::super::ffmpeg::tool::print;
use super::signal::write_source;

/// Minimum ratio of the signal to the difference, in dB. Frames of SILK are equal; those of CELT are rounded differently.
const MIN_SNR_DB: f64 = 50.0;
/// The same for files with DTX: decoders are free in the noise that they put in the place of silence.
const MIN_DTX_SNR_DB: f64 = 42.0;
/// The option of `opusenc` for DTX.
const DTX: &str = "--set-ctl-int 4016=1";

/// The options of the encoder: rate and channels of the sound, and arguments of `opusenc`.
const CASES: &[(u32, u16, &str)] = &[
    // SILK, hybrid and CELT, as the encoder chooses them.
    (16_000, 1, "--bitrate 8"),
    (48_000, 1, "--bitrate 12 --speech"),
    (48_000, 1, "--bitrate 24 --speech"),
    (48_000, 1, "--bitrate 32 --speech"),
    (48_000, 1, "--bitrate 64"),
    (48_000, 2, "--bitrate 24 --speech"),
    (48_000, 2, "--bitrate 48 --music"),
    (48_000, 2, "--bitrate 128"),
    (48_000, 6, "--bitrate 256"),
    // Wideband and super-wideband.
    (48_000, 1, "--bitrate 20 --speech --set-ctl-int 4008=1103"),
    (48_000, 1, "--bitrate 24 --speech --set-ctl-int 4008=1104"),
    (48_000, 2, "--bitrate 40 --speech --set-ctl-int 4008=1103"),
    // DTX: packets of silence are left out.
    (48_000, 1, "--bitrate 16 --speech --set-ctl-int 4016=1"),
    (48_000, 2, "--bitrate 32 --speech --set-ctl-int 4016=1"),
    // Frame sizes, constant bit rate, and frames that repair lost ones.
    (48_000, 1, "--bitrate 24 --framesize 2.5"),
    (48_000, 1, "--bitrate 24 --framesize 10 --hard-cbr"),
    (48_000, 1, "--bitrate 16 --framesize 60 --speech"),
    (48_000, 2, "--bitrate 32 --expect-loss 20"),
];

/// Adds the modes of the first packet of each page to `modes`: SILK, hybrid, CELT, and whether packets are left out.
fn add_modes(ogg: &[u8], modes: &mut [bool; 4]) {
    let pages = ogg.windows(4).enumerate().filter(|(_, tag)| tag == b"OggS");
    // The first two pages are headers.
    for (at, _) in pages.skip(2) {
        let lengths = &ogg[at + 27..][..usize::from(ogg[at + 26])];
        let start = at + 27 + lengths.len();
        match ogg[start] >> 3 {
            0..12 => modes[0] = true,
            12..16 => modes[1] = true,
            _ => modes[2] = true,
        }
        modes[3] |= lengths.iter().any(|length| (1..=2).contains(length));
    }
}

fn run(program: &str, arguments: &[&str], paths: [&Path; 2]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).args(paths);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[test]
fn opus_is_decoded_as_by_the_reference_decoder() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name| folder.path().join(name);
    let (source, encoded, reference) = (path("source.wav"), path("a.opus"), path("a.wav"));
    let (mut failures, mut modes) = (Vec::new(), [false; 4]);
    if Command::new("opusenc").arg("--version").output().is_err() {
        let name = "opus_is_decoded_as_by_the_reference_decoder";
        print(&format!(
            "{name} is skipped: there is no opusenc on the PATH"
        ));
        return;
    }
    for (rate, channels, arguments) in CASES {
        write_source(&source, *rate, *channels);
        let list: Vec<&str> = arguments.split(' ').collect();
        assert!(run("opusenc", &list, [&source, &encoded]), "{arguments}");
        add_modes(&std::fs::read(&encoded).unwrap(), &mut modes);
        let decoder = ["--rate", "48000", "--no-dither"];
        assert!(
            run("opusdec", &decoder, [&encoded, &reference]),
            "{arguments}"
        );
        let options = DecodeOptions::new().ffmpeg(Ffmpeg::off());
        let ours = decode_with(&encoded, &options).unwrap();
        let theirs = decode_with(&reference, &options).unwrap();
        let [ours, theirs] = [ours, theirs].map(|recording| recording.samples(..).unwrap());
        let (mut signal, mut noise) = (0.0, 0.0);
        for (ours, theirs) in ours.iter().zip(&theirs) {
            signal += f64::from(*theirs).powi(2);
            noise += f64::from(ours - theirs).powi(2);
        }
        let snr_db = 10.0 * (signal / noise.max(1e-12)).log10();
        let minimum = match arguments.contains(DTX) {
            true => MIN_DTX_SNR_DB,
            false => MIN_SNR_DB,
        };
        print(&format!("{channels} ch {arguments}: {snr_db:.1} dB"));
        if snr_db < minimum || ours.len().abs_diff(theirs.len()) > 2 {
            failures.push(format!(
                "{channels} ch {arguments}: {snr_db:.1} dB, {} and {} samples",
                ours.len(),
                theirs.len()
            ));
        }
        for path in [&encoded, &reference] {
            std::fs::remove_file(path).unwrap();
        }
    }
    assert_eq!(modes, [true; 4]);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
