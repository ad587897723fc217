//! Recording from the microphone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};

use cpal::traits::{DeviceTrait as _, HostTrait as _, StreamTrait as _};
use cpal::{Device, FromSample, SampleFormat, SizedSample, Stream, SupportedStreamConfig};
use pyannote_engine::audio::Resampler;

use super::source::{BLOCK_SAMPLES, STOP_INTERVAL};
use crate::error::{Failure, Result};
use crate::ui::Ui;

/// Records from the default device until `stop` is set, or `send` returns false.
pub(super) fn record(
    stop: &AtomicBool,
    send: &mut impl FnMut(Vec<f32>) -> bool,
    ui: Ui,
) -> Result<()> {
    let Some(device) = cpal::default_host().default_input_device() else {
        return Err(Failure::failed("this machine has no microphone")
            .with_hint("connect one, or pipe samples to `pyannote live -`"));
    };
    let failed = |error: cpal::Error| {
        Failure::of(&error)
            .context("cannot record from the microphone")
            .with_hint("check that no other program uses it, and that this one is allowed to")
    };
    let config = device.default_input_config().map_err(failed)?;
    let mut resampler = Resampler::new(config.sample_rate())?;
    let (sender, samples) = channel();
    let stream = match config.sample_format() {
        SampleFormat::F32 => listen::<f32>(&device, config, sender),
        SampleFormat::I16 => listen::<i16>(&device, config, sender),
        SampleFormat::U16 => listen::<u16>(&device, config, sender),
        SampleFormat::I32 => listen::<i32>(&device, config, sender),
        other => {
            return Err(Failure::failed(format!(
                "the samples of the microphone are of type {other}, which is not supported"
            )));
        }
    };
    let stream = stream.map_err(failed)?;
    stream.play().map_err(failed)?;
    ui.note("recording; press Ctrl-C to stop");
    let mut resampled = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        match samples.recv_timeout(STOP_INTERVAL) {
            Ok(Ok(samples)) => resampler.push(&samples, &mut resampled)?,
            Ok(Err(error)) => return Err(failed(error)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        let whole = resampled.len() / BLOCK_SAMPLES * BLOCK_SAMPLES;
        for block in resampled.drain(..whole).as_slice().chunks(BLOCK_SAMPLES) {
            if !send(block.to_vec()) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Starts to record. The device's thread sends the mean of the channels, or what went wrong.
fn listen<T: SizedSample>(
    device: &Device,
    config: SupportedStreamConfig,
    sender: Sender<std::result::Result<Vec<f32>, cpal::Error>>,
) -> std::result::Result<Stream, cpal::Error>
where
    f32: FromSample<T>,
{
    let channels = usize::from(config.channels()).max(1);
    let errors = sender.clone();
    device.build_input_stream(
        config.into(),
        move |samples: &[T], _: &_| {
            let frames = samples.chunks(channels);
            let mono = frames.map(|frame| {
                let sum: f32 = frame.iter().map(|sample| f32::from_sample_(*sample)).sum();
                sum / frame.len() as f32
            });
            let _ = sender.send(Ok(mono.collect()));
        },
        move |error: cpal::Error| match error.kind() {
            // Some samples are missing; the recording goes on.
            cpal::ErrorKind::Xrun
            | cpal::ErrorKind::DeviceChanged
            | cpal::ErrorKind::RealtimeDenied => {}
            _ => {
                let _ = errors.send(Err(error));
            }
        },
        None,
    )
}
