//! Colours, after those of Okabe and Ito, which readers with any colour vision can tell apart. Each stands out against its
//! lane by 3 to 1 at least. A colour never stands alone: each lane has its name.

/// The colours of speakers on a light background. They are also written as attributes, for programs that know no
/// custom properties.
pub(super) const SPEAKERS: [&str; 8] = [
    "#0072b2", "#d55e00", "#00805c", "#b8438c", "#8a6a00", "#5b4bc4", "#3a8fb7", "#5f6b7a",
];

/// Light unless the reader prefers dark. Each rule is bound to the picture's class, as inside HTML a style sheet is that
/// of the whole page. Programs that know no custom properties know no `@supports` either, and keep to the attributes.
pub(super) const STYLE: &str = "\
.pya-timeline{--bg:#fff;--ink:#18212d;--mute:#566273;--grid:#dfe5ec;--lane:#f3f5f8;--over:#18212d;\
--s0:#0072b2;--s1:#d55e00;--s2:#00805c;--s3:#b8438c;--s4:#8a6a00;--s5:#5b4bc4;--s6:#3a8fb7;--s7:#5f6b7a;\
color-scheme:light dark;font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue','DejaVu Sans',Arial,sans-serif}\
@media(prefers-color-scheme:dark){.pya-timeline{--bg:#11161d;--ink:#e8edf3;--mute:#9aa7b6;--grid:#2a333f;--lane:#19202a;--over:#e8edf3;\
--s0:#56b4e9;--s1:#ff9447;--s2:#35c99b;--s3:#ee8cc6;--s4:#dcbf4a;--s5:#a99cf5;--s6:#9bdcf7;--s7:#aab5c3}}\
@supports(color:var(--bg)){.pya-timeline .pya-bg{fill:var(--bg)}.pya-timeline .pya-ink{fill:var(--ink)}.pya-timeline .pya-mute{fill:var(--mute)}\
.pya-timeline .pya-grid{stroke:var(--grid)}.pya-timeline .pya-lane{fill:var(--lane)}.pya-timeline .pya-over{fill:var(--over)}\
.pya-timeline text{font-variant-numeric:tabular-nums}\
.pya-timeline .pya-s0{fill:var(--s0)}.pya-timeline .pya-s1{fill:var(--s1)}.pya-timeline .pya-s2{fill:var(--s2)}\
.pya-timeline .pya-s3{fill:var(--s3)}.pya-timeline .pya-s4{fill:var(--s4)}.pya-timeline .pya-s5{fill:var(--s5)}\
.pya-timeline .pya-s6{fill:var(--s6)}.pya-timeline .pya-s7{fill:var(--s7)}}";

#[cfg(test)]
mod tests {
    use super::{SPEAKERS, STYLE};

    /// Relative luminance, as WCAG defines it.
    fn luminance(colour: &str) -> f64 {
        let part = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// The values of a property: light, then dark.
    fn values(property: &str) -> (&'static str, &'static str) {
        let key = format!("{property}:");
        let mut found = STYLE
            .split(&key)
            .skip(1)
            .map(|rest| rest.split([';', '}']).next().unwrap());
        (found.next().unwrap(), found.next().unwrap())
    }

    #[test]
    fn speakers_stand_out_in_light_and_dark() {
        let (light, dark) = values("--lane");
        for (index, fallback) in SPEAKERS.iter().enumerate() {
            let (on_light, on_dark) = values(&format!("--s{index}"));
            assert_eq!(on_light, *fallback);
            assert!(
                contrast(on_light, light) >= 3.0,
                "{on_light}: {}",
                contrast(on_light, light)
            );
            assert!(
                contrast(on_dark, dark) >= 3.0,
                "{on_dark}: {}",
                contrast(on_dark, dark)
            );
        }
    }

    #[test]
    fn text_can_be_read_in_light_and_dark() {
        let (light, dark) = ("#ffffff", values("--bg").1);
        for property in ["--ink", "--mute"] {
            let (on_light, on_dark) = values(property);
            assert!(
                contrast(on_light, light) >= 4.5 && contrast(on_dark, dark) >= 4.5,
                "{property}"
            );
        }
    }
}
