//! Writers of MP4 and Matroska files with uncompressed audio at 8 kHz, mono, 16 bits.

/// The sample rate, in Hz.
pub(crate) const RATE_HZ: u32 = 8_000;

/// A tone for `seconds`, as samples of 16 bits, little-endian.
pub(crate) fn tone(seconds: f64) -> Vec<u8> {
    (0..(seconds * f64::from(RATE_HZ)) as usize)
        .flat_map(|n| ((super::tone::sample(n, RATE_HZ) * 32_767.0) as i16).to_le_bytes())
        .collect()
}

/// Silence for `seconds`.
pub(crate) fn silence(seconds: f64) -> Vec<u8> {
    vec![0; (seconds * f64::from(RATE_HZ)) as usize * 2]
}

/// A track of an MP4 file.
pub(crate) struct Trak {
    pub(crate) is_enabled: bool,
    /// Duration in milliseconds, and start in frames or -1 for silence.
    pub(crate) edits: &'static [(u32, i32)],
    pub(crate) samples: Vec<u8>,
}

/// A box of MP4.
pub(super) fn atom(kind: &[u8; 4], content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let size = u32::try_from(content.len() + 8).unwrap();
    [&size.to_be_bytes()[..], kind, &content].concat()
}

/// Words of 32 bits, big-endian.
pub(super) fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// An MP4 file with its header first. `video`, if any, is the sample description of a video track without samples.
pub(crate) fn mp4(traks: &[Trak], video: Option<&[u8]>) -> Vec<u8> {
    let ftyp = atom(b"ftyp", &[b"M4A \0\0\0\0M4A "]);
    let moov = |data_start: usize| {
        let mut content = atom(b"mvhd", &[&words(&[0, 0, 0, 1_000, 0]), &[0; 80]]);
        if let Some(description) = video {
            content.extend(trak(90, true, &[], b"vide", description, 0, 0));
        }
        let mut start = data_start;
        for (id, track) in (1..).zip(traks) {
            let entry = [
                &words(&[0, 1])[..],
                &words(&[0, 0, 0x0001_0010, 0, RATE_HZ << 16]),
            ]
            .concat();
            let frames = u32::try_from(track.samples.len() / 2).unwrap();
            content.extend(trak(
                id,
                track.is_enabled,
                track.edits,
                b"soun",
                &atom(b"sowt", &[&entry]),
                frames,
                u32::try_from(start).unwrap(),
            ));
            start += track.samples.len();
        }
        atom(b"moov", &[&content])
    };
    let moov = moov(ftyp.len() + moov(0).len() + 8);
    let samples: Vec<&[u8]> = traks.iter().map(|track| &track.samples[..]).collect();
    [ftyp, moov, atom(b"mdat", &samples)].concat()
}

fn trak(
    id: u32,
    is_enabled: bool,
    edits: &[(u32, i32)],
    handler: &[u8; 4],
    description: &[u8],
    frames: u32,
    start: u32,
) -> Vec<u8> {
    let list: Vec<u32> = edits
        .iter()
        .flat_map(|(duration, media)| [*duration, media.cast_unsigned(), 0x1_0000])
        .collect();
    let count = u32::try_from(edits.len()).unwrap();
    let edts = atom(
        b"edts",
        &[&atom(b"elst", &[&words(&[0, count]), &words(&list)])],
    );
    // Packets of 800 frames, 100 ms.
    let packets = frames / 800;
    let entries = u32::from(packets > 0);
    let tables = [
        atom(b"stsd", &[&words(&[0, 1]), description]),
        atom(
            b"stts",
            &[
                &words(&[0, entries]),
                &words(&[frames, 1][..entries as usize * 2]),
            ],
        ),
        atom(
            b"stsc",
            &[
                &words(&[0, entries]),
                &words(&[1, 800, 1][..entries as usize * 3]),
            ],
        ),
        atom(b"stsz", &[&words(&[0, 2, frames])]),
        atom(
            b"stco",
            &[
                &words(&[0, packets]),
                &words(&(0..packets).map(|n| start + n * 1_600).collect::<Vec<_>>()),
            ],
        ),
    ];
    let media = [
        atom(b"smhd", &[&[0; 8]]),
        atom(b"stbl", &[&tables.concat()]),
    ];
    let mdia = [
        atom(b"mdhd", &[&words(&[0, 0, 0, RATE_HZ, frames, 0])]),
        atom(b"hdlr", &[&words(&[0, 0]), handler, &[0; 13]]),
        atom(b"minf", &[&media.concat()]),
    ];
    atom(
        b"trak",
        &[
            &atom(
                b"tkhd",
                &[&words(&[u32::from(is_enabled), 0, 0, id, 0, 0]), &[0; 60]],
            ),
            &edts,
            &atom(b"mdia", &[&mdia.concat()]),
        ],
    )
}

/// An element of Matroska, with a size of 4 bytes.
pub(super) fn element(id: &[u8], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len()).unwrap() | 0x1000_0000;
    [id, &size.to_be_bytes(), content].concat()
}

/// A Matroska file with a video track (1) if `with_video`, and audio tracks from 2 on with these default flags.
///
/// `blocks` have a track, a time in milliseconds, and their content.
pub(crate) fn mkv(defaults: &[bool], with_video: bool, blocks: &[(u8, u16, Vec<u8>)]) -> Vec<u8> {
    let head = element(b"\x1a\x45\xdf\xa3", &element(b"\x42\x82", b"matroska"));
    let info = [
        element(b"\x2a\xd7\xb1", &1_000_000_u32.to_be_bytes()),
        element(b"\x4d\x80", b"test"),
        element(b"\x57\x41", b"test"),
    ];
    let info = element(b"\x15\x49\xa9\x66", &info.concat());
    let entry = |number: u8, kind: u8, is_default: bool, codec: &[u8], more: &[u8]| {
        let content = [
            element(b"\xd7", &[number]),
            element(b"\x73\xc5", &[number]),
            element(b"\x9c", &[0]),
            element(b"\x83", &[kind]),
            element(b"\x88", &[u8::from(is_default)]),
            element(b"\x86", codec),
            more.to_vec(),
        ];
        element(b"\xae", &content.concat())
    };
    let mut tracks = Vec::new();
    if with_video {
        let size = [element(b"\xb0", &[16]), element(b"\xba", &[16])].concat();
        tracks.extend(entry(1, 1, true, b"V_VP8", &element(b"\xe0", &size)));
    }
    let audio = [
        element(b"\xb5", &f64::from(RATE_HZ).to_be_bytes()),
        element(b"\x9f", &[1]),
        element(b"\x62\x64", &[16]),
    ];
    for (number, is_default) in (2..).zip(defaults) {
        let audio = element(b"\xe1", &audio.concat());
        tracks.extend(entry(number, 2, *is_default, b"A_PCM/INT/LIT", &audio));
    }
    let mut cluster = element(b"\xe7", &[0]);
    for (track, time_ms, content) in blocks {
        let [high, low] = time_ms.to_be_bytes();
        let block = [&[0x80 | track, high, low, 0x80][..], content].concat();
        cluster.extend(element(b"\xa3", &block));
    }
    let segment = [
        info,
        element(b"\x16\x54\xae\x6b", &tracks),
        element(b"\x1f\x43\xb6\x75", &cluster),
    ];
    [head, element(b"\x18\x53\x80\x67", &segment.concat())].concat()
}
