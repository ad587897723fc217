//! Colors, based on the palette of Okabe and Ito, which is distinguishable with any kind of color vision. Their
//! contrast with the background of a lane is at least 3:1. No information is conveyed by color alone: each lane has a
//! name.

// The colors of the light theme, written as attributes for viewers without support for CSS variables.
pub(crate) const BACKGROUND: &str = "#fff";
pub(crate) const INK: &str = "#18212d";
pub(crate) const MUTED: &str = "#566273";
pub(crate) const GRID: &str = "#dfe5ec";
pub(crate) const LANE: &str = "#f3f5f8";

/// The colors of speakers in the light theme.
pub(crate) const SPEAKERS: [&str; 8] = [
    "#0072b2", "#d55e00", "#00805c", "#b8438c", "#8a6a00", "#5b4bc4", "#3a8fb7", "#5f6b7a",
];

/// The CSS variables of the light theme.
macro_rules! light_variables {
    () => {
        "--bg:#fff;--ink:#18212d;--mute:#566273;--grid:#dfe5ec;--lane:#f3f5f8;--over:#18212d;\
--s0:#0072b2;--s1:#d55e00;--s2:#00805c;--s3:#b8438c;--s4:#8a6a00;--s5:#5b4bc4;--s6:#3a8fb7;--s7:#5f6b7a;"
    };
}

/// The CSS variables of the dark theme.
macro_rules! dark_variables {
    () => {
        "--bg:#11161d;--ink:#e8edf3;--mute:#9aa7b6;--grid:#2a333f;--lane:#19202a;--over:#e8edf3;\
--s0:#56b4e9;--s1:#ff9447;--s2:#35c99b;--s3:#ee8cc6;--s4:#dcbf4a;--s5:#a99cf5;--s6:#9bdcf7;--s7:#aab5c3"
    };
}

/// The variables for a whole page, in both themes. Paper is light.
pub(crate) const PAGE_VARIABLES: &str = concat!(
    ":root{",
    light_variables!(),
    "color-scheme:light dark}\n@media screen and (prefers-color-scheme:dark){:root{",
    dark_variables!(),
    "}}\n"
);

/// The style sheet of an SVG timeline: the light theme, and the dark one if the viewer prefers it.
///
/// All rules are scoped to the class of the timeline, because a style sheet applies to the whole page if the SVG is
/// embedded in HTML. Viewers without support for CSS variables do not support `@supports` either, and use the
/// attributes.
pub(crate) const STYLE: &str = concat!(
    ".pya-timeline{",
    light_variables!(),
    "color-scheme:light dark;font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue','DejaVu Sans',Arial,sans-serif}\
@media(prefers-color-scheme:dark){.pya-timeline{",
    dark_variables!(),
    "}}\
@supports(color:var(--bg)){.pya-timeline .pya-bg{fill:var(--bg)}.pya-timeline .pya-ink{fill:var(--ink)}.pya-timeline .pya-mute{fill:var(--mute)}\
.pya-timeline .pya-grid{stroke:var(--grid)}.pya-timeline .pya-curve{stroke:var(--ink)}.pya-timeline .pya-lane{fill:var(--lane)}.pya-timeline .pya-over{fill:var(--over)}\
.pya-timeline text{font-variant-numeric:tabular-nums}\
.pya-timeline .pya-s0{fill:var(--s0)}.pya-timeline .pya-s1{fill:var(--s1)}.pya-timeline .pya-s2{fill:var(--s2)}\
.pya-timeline .pya-s3{fill:var(--s3)}.pya-timeline .pya-s4{fill:var(--s4)}.pya-timeline .pya-s5{fill:var(--s5)}\
.pya-timeline .pya-s6{fill:var(--s6)}.pya-timeline .pya-s7{fill:var(--s7)}}"
);

#[cfg(test)]
mod tests {
    use super::{SPEAKERS, STYLE};

    /// Relative luminance, as defined by WCAG.
    fn luminance(color: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&color[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// The values of a CSS variable in the light and in the dark theme.
    fn theme_values(property: &str) -> (&'static str, &'static str) {
        let key = format!("{property}:");
        let mut found = STYLE
            .split(&key)
            .skip(1)
            .map(|rest| rest.split([';', '}']).next().unwrap());
        (found.next().unwrap(), found.next().unwrap())
    }

    #[test]
    fn speaker_colors_contrast_with_lanes_in_both_themes() {
        let (light, dark) = theme_values("--lane");
        for (index, fallback) in SPEAKERS.iter().enumerate() {
            let (on_light, on_dark) = theme_values(&format!("--s{index}"));
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
    fn text_contrasts_with_the_background_in_both_themes() {
        let (light, dark) = ("#ffffff", theme_values("--bg").1);
        for property in ["--ink", "--mute"] {
            let (on_light, on_dark) = theme_values(property);
            assert!(
                contrast(on_light, light) >= 4.5 && contrast(on_dark, dark) >= 4.5,
                "{property}"
            );
        }
    }
}
