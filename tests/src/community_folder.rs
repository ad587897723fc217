//! A folder like community-1's, with random weights. It has no dependencies, since tests of other crates include it.
//!
//! The embeddings mean nothing, but differ between recordings and are the same for the same recording. All of a recording
//! is the speech of one speaker: the classifier of the segmentation has a large bias.

use std::fs;
use std::io;
use std::path::Path;

const CONFIG: &str = "\
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    clustering: VBxClustering
    embedding_exclude_overlap: true
params:
  clustering:
    threshold: 0.6
    Fa: 0.07
    Fb: 0.8
  segmentation:
    min_duration_off: 0.0
";

/// Writes the folder, with weights in safetensors: 33 MB.
///
/// # Errors
///
/// If a file cannot be written.
pub fn write(folder: &Path) -> io::Result<()> {
    for part in ["segmentation", "embedding", "plda"] {
        fs::create_dir_all(folder.join(part))?;
    }
    let mut random = Random(1);
    let mut plda = |name: &'static str, shape: &[usize], scale: f64| {
        let count = shape.iter().product();
        let values = (0..count).map(|_| scale * random.next());
        (name, shape.to_vec(), values.collect::<Vec<f64>>())
    };
    let transform = [
        plda("mean1", &[256], 0.1),
        plda("lda", &[256, 128], 0.1),
        plda("mean2", &[128], 0.1),
    ];
    let mut model = [
        plda("mu", &[128], 0.1),
        plda("tr", &[128, 128], 0.3),
        plda("psi", &[128], 1.0),
    ];
    let [_, (_, _, tr), (_, _, psi)] = &mut model;
    tr.iter_mut().step_by(129).for_each(|value| *value += 3.0);
    psi.iter_mut().for_each(|value| *value += 1.1);
    fs::write(folder.join("config.yaml"), CONFIG)?;
    fs::write(folder.join("plda/xvec_transform.npz"), npz(&transform))?;
    fs::write(folder.join("plda/plda.npz"), npz(&model))?;
    let weights = safetensors(&segmentation());
    fs::write(folder.join("segmentation/model.safetensors"), weights)?;
    let weights = safetensors(&embedding());
    fs::write(folder.join("embedding/model.safetensors"), weights)
}

/// A tensor: its name, its shape, and what its values are.
type Tensor = (String, Vec<usize>, Values);

#[derive(Clone, Copy)]
enum Values {
    /// Random, with the standard deviation that keeps the scale of what passes through a layer.
    Weights,
    /// Random, small.
    Small,
    /// 1.
    Ones,
    /// From 30 to 3,000 Hz, in equal steps.
    Frequencies,
    /// The times of the taps of a filter before its center, as angular factors.
    Times,
    /// The bias of the class "the first speaker alone".
    OneSpeaker,
}

/// The tensors of the segmentation model.
fn segmentation() -> Vec<Tensor> {
    let mut tensors = Vec::new();
    let mut add = |name: &str, shape: &[usize], values| {
        tensors.push((name.to_owned(), shape.to_vec(), values))
    };
    let filters = "sincnet.conv1d.0.filterbank";
    add(&format!("{filters}.low_hz_"), &[40, 1], Values::Frequencies);
    add(
        &format!("{filters}.band_hz_"),
        &[40, 1],
        Values::Frequencies,
    );
    add(&format!("{filters}.window_"), &[125], Values::Ones);
    add(&format!("{filters}.n_"), &[1, 125], Values::Times);
    add("sincnet.conv1d.1.weight", &[60, 80, 5], Values::Weights);
    add("sincnet.conv1d.1.bias", &[60], Values::Small);
    add("sincnet.conv1d.2.weight", &[60, 60, 5], Values::Weights);
    add("sincnet.conv1d.2.bias", &[60], Values::Small);
    for (norm, channels) in [
        ("wav_norm1d", 1),
        ("norm1d.0", 80),
        ("norm1d.1", 60),
        ("norm1d.2", 60),
    ] {
        add(&format!("sincnet.{norm}.weight"), &[channels], Values::Ones);
        add(&format!("sincnet.{norm}.bias"), &[channels], Values::Small);
    }
    for layer in 0..4 {
        let inputs = if layer == 0 { 60 } else { 256 };
        for direction in ["", "_reverse"] {
            let suffix = format!("l{layer}{direction}");
            add(
                &format!("lstm.weight_ih_{suffix}"),
                &[512, inputs],
                Values::Weights,
            );
            add(
                &format!("lstm.weight_hh_{suffix}"),
                &[512, 128],
                Values::Weights,
            );
            add(&format!("lstm.bias_ih_{suffix}"), &[512], Values::Small);
            add(&format!("lstm.bias_hh_{suffix}"), &[512], Values::Small);
        }
    }
    add("linear.0.weight", &[128, 256], Values::Weights);
    add("linear.0.bias", &[128], Values::Small);
    add("linear.1.weight", &[128, 128], Values::Weights);
    add("linear.1.bias", &[128], Values::Small);
    add("classifier.weight", &[7, 128], Values::Weights);
    add("classifier.bias", &[7], Values::OneSpeaker);
    tensors
}

/// The tensors of the embedding model.
fn embedding() -> Vec<Tensor> {
    let mut tensors = Vec::new();
    let mut conv = |name: &str, norm: &str, shape: [usize; 4]| {
        let channels = shape[0];
        tensors.push((format!("{name}.weight"), shape.to_vec(), Values::Weights));
        for (kind, values) in [
            ("weight", Values::Ones),
            ("bias", Values::Small),
            ("running_mean", Values::Small),
            ("running_var", Values::Ones),
        ] {
            tensors.push((format!("{norm}.{kind}"), vec![channels], values));
        }
    };
    conv("resnet.conv1", "resnet.bn1", [32, 1, 3, 3]);
    let mut inputs = 32;
    for (stage, blocks) in [3, 4, 6, 3].into_iter().enumerate() {
        let outputs = 32 << stage;
        for block in 0..blocks {
            let block = format!("resnet.layer{}.{block}", stage + 1);
            let part = |name: &str| format!("{block}.{name}");
            conv(&part("conv1"), &part("bn1"), [outputs, inputs, 3, 3]);
            conv(&part("conv2"), &part("bn2"), [outputs, outputs, 3, 3]);
            if inputs != outputs {
                conv(
                    &part("shortcut.0"),
                    &part("shortcut.1"),
                    [outputs, inputs, 1, 1],
                );
            }
            inputs = outputs;
        }
    }
    tensors.push((
        "resnet.seg_1.weight".to_owned(),
        vec![256, 5120],
        Values::Weights,
    ));
    tensors.push(("resnet.seg_1.bias".to_owned(), vec![256], Values::Small));
    tensors
}

/// Tensors as a safetensors file.
fn safetensors(tensors: &[Tensor]) -> Vec<u8> {
    let mut data: Vec<u8> = Vec::new();
    let mut entries = Vec::new();
    let mut random = Random(2);
    for (name, shape, values) in tensors {
        let count: usize = shape.iter().product();
        let inputs: usize = shape[1..].iter().product();
        let scale = (3.0 / inputs as f64).sqrt();
        let start = data.len();
        for index in 0..count {
            let value = match values {
                Values::Weights => scale * random.next(),
                Values::Small => 0.1 * random.next(),
                Values::Ones => 1.0,
                Values::Frequencies => 30.0 + 75.0 * index as f64,
                Values::Times => std::f64::consts::TAU * (index as f64 - count as f64) / 16_000.0,
                Values::OneSpeaker => f64::from(u8::from(index == 1)) * 20.0,
            };
            data.extend((value as f32).to_le_bytes());
        }
        entries.push(format!(
            r#""{name}":{{"dtype":"F32","shape":{shape:?},"data_offsets":[{start},{}]}}"#,
            data.len()
        ));
    }
    let mut header = format!("{{{}}}", entries.join(","));
    while header.len() % 8 != 0 {
        header.push(' ');
    }
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(data);
    file
}

/// Arrays as an archive of NumPy: a ZIP archive without compression.
fn npz(arrays: &[(&str, Vec<usize>, Vec<f64>)]) -> Vec<u8> {
    let (mut files, mut directory) = (Vec::new(), Vec::new());
    for (name, shape, values) in arrays {
        let shape = match shape[..] {
            [rows] => format!("({rows},)"),
            _ => format!("({}, {})", shape[0], shape[1]),
        };
        let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n");
        let mut array = b"\x93NUMPY\x01\x00".to_vec();
        array.extend((header.len() as u16).to_le_bytes());
        array.extend(header.as_bytes());
        array.extend(values.iter().flat_map(|value| value.to_le_bytes()));

        let name = format!("{name}.npy");
        let offset = files.len() as u32;
        // Version, flags, method, time and date; checksum, both sizes; lengths of the name and of the extra field.
        let mut entry = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        entry.extend(crc32(&array).to_le_bytes());
        entry.extend((array.len() as u32).to_le_bytes().repeat(2));
        entry.extend((name.len() as u16).to_le_bytes());
        entry.extend([0; 2]);
        files.extend(b"PK\x03\x04");
        files.extend(&entry);
        files.extend(name.as_bytes());
        files.extend(array);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&entry);
        // Length of the comment, disk, attributes.
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let offset = files.len() as u32;
    files.extend(&directory);
    files.extend(b"PK\x05\x06\x00\x00\x00\x00");
    files.extend((arrays.len() as u16).to_le_bytes().repeat(2));
    files.extend((directory.len() as u32).to_le_bytes());
    files.extend(offset.to_le_bytes());
    files.extend([0; 2]);
    files
}

/// The checksum of ZIP archives.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1))
        })
    };
    !bytes.iter().fold(u32::MAX, step)
}

/// Uniform values from -1 to 1: the generator SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^= value >> 31;
        (value >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}
