use pyannote_engine::audio::decode;
#[test]
fn zz_field() {
    let mut all: Vec<_> = std::fs::read_dir("/work/shared/field")
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    all.sort();
    for path in all {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with("rttm") || name.ends_with("json") || name.ends_with("md") {
            continue;
        }
        match decode(&path) {
            Ok(r) => {
                let rms =
                    (r.samples.iter().map(|s| s * s).sum::<f32>() / r.samples.len() as f32).sqrt();
                println!(
                    "{name}: {:.3} s rms {rms:.4} {:?}",
                    r.duration(),
                    r.warnings
                )
            }
            Err(e) => println!("{name}: ERR {e}"),
        }
    }
}
