//! Draws mail over time as stacked bars: whole numbers in the units of an SVG, so that a page needs no script.

use serde::Serialize;

/// Width of a drawing in its own units; the page stretches it to the room there is.
const WIDTH: i64 = 7_200;
/// Height of a drawing in its own units.
const HEIGHT: i64 = 2_000;
/// The least height of a part that is not zero, so that one mail among thousands can be seen.
const PART_MIN: i64 = 24;
/// Room between bars, in hundredths of the room of one bar.
const GAP_PERCENT: i64 = 18;
/// Most bars; more days are too thin to see.
pub(crate) const BARS_MAX: usize = 120;
/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Stacked bars, one for a day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Bars {
    /// Makes ids of this drawing unlike those of others on the page.
    pub(crate) id: &'static str,
    /// What the parts of a bar are, from the bottom.
    pub(crate) series: Vec<Series>,
    /// The days, oldest first.
    pub(crate) bars: Vec<Bar>,
    /// What the top of the drawing stands for.
    pub(crate) top: i64,
    /// What the middle stands for.
    pub(crate) middle: i64,
    /// Unix ms of the first day.
    pub(crate) first: i64,
    /// Unix ms of the last day.
    pub(crate) last: i64,
    /// Everything together.
    pub(crate) total: i64,
    /// The highest bar: its day and its number.
    pub(crate) most: (i64, i64),
    /// Width in units.
    pub(crate) width: i64,
    /// Height in units.
    pub(crate) height: i64,
}

/// One kind of part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Series {
    /// Its word, which is its class too.
    pub(crate) id: &'static str,
    /// All of it.
    pub(crate) total: i64,
}

/// One day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Bar {
    /// Unix ms of the day.
    pub(crate) at: i64,
    /// All of the day.
    pub(crate) total: i64,
    /// A number for each series, for the table.
    pub(crate) counts: Vec<i64>,
    /// What is drawn.
    pub(crate) parts: Vec<Part>,
}

/// A rectangle.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Part {
    /// Which series.
    pub(crate) series: &'static str,
    /// How many.
    pub(crate) count: i64,
    /// From the left.
    pub(crate) x: i64,
    /// From the top.
    pub(crate) y: i64,
    /// Wide.
    pub(crate) w: i64,
    /// High.
    pub(crate) h: i64,
}

impl Bars {
    /// Draws numbers of days that follow each other; `days` gives for each day (since 1970-01-01) a number per series.
    /// Nothing when there is nothing to draw.
    pub(crate) fn draw(id: &'static str, series: &[&'static str], days: &[(i32, Vec<u64>)]) -> Option<Self> {
        let days = &days[days.len().saturating_sub(BARS_MAX)..];
        let (first, last) = (days.first()?, days.last()?);
        let counts_of = |day: &(i32, Vec<u64>)| -> Vec<i64> {
            (0..series.len()).map(|n| day.1.get(n).map_or(0, |count| whole(*count))).collect()
        };
        let all: Vec<Vec<i64>> = days.iter().map(counts_of).collect();
        let sum = |counts: &[i64]| counts.iter().fold(0_i64, |sum, count| sum.saturating_add(*count));
        let totals: Vec<i64> = all.iter().map(|counts| sum(counts)).collect();
        let most = totals.iter().zip(days).max_by_key(|(total, _)| **total)?;
        let most = (at(most.1.0), *most.0);
        if most.1 == 0 {
            return None;
        }
        let top = round_up(most.1);
        let step = WIDTH / i64::try_from(days.len()).ok()?;
        let width = (step - step * GAP_PERCENT / 100).max(1);
        let bar = |n: usize| Bar {
            at: at(days[n].0),
            total: totals[n],
            counts: all[n].clone(),
            parts: parts(series, &all[n], top, left(step, n) + (step - width) / 2, width),
        };
        let column = |n: usize| all.iter().fold(0_i64, |sum, counts| sum.saturating_add(counts[n]));
        Some(Self {
            id,
            series: series.iter().enumerate().map(|(n, id)| Series { id, total: column(n) }).collect(),
            bars: (0..days.len()).map(bar).collect(),
            top,
            middle: top / 2,
            first: at(first.0),
            last: at(last.0),
            total: sum(&totals),
            most,
            width: WIDTH,
            height: HEIGHT,
        })
    }
}

/// Where the room of a bar begins.
fn left(step: i64, n: usize) -> i64 {
    step * i64::try_from(n).unwrap_or(0)
}

/// The rectangles of one bar, from the bottom up.
fn parts(series: &[&'static str], counts: &[i64], top: i64, x: i64, w: i64) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut used = 0;
    for (id, count) in series.iter().zip(counts).filter(|(_, count)| **count > 0) {
        let high = i128::from(*count) * i128::from(HEIGHT) / i128::from(top);
        let h = i64::try_from(high).unwrap_or(HEIGHT).max(PART_MIN).min(HEIGHT - used);
        if h <= 0 {
            break;
        }
        used += h;
        parts.push(Part { series: id, count: *count, x, y: HEIGHT - used, w, h });
    }
    parts
}

/// A tiny drawing of one series as the `d` of a path in a box of 100 by 24; empty when there is nothing.
pub(crate) fn spark(days: &[u64]) -> String {
    let days = &days[days.len().saturating_sub(BARS_MAX)..];
    let most = days.iter().copied().max().unwrap_or(0);
    if most == 0 {
        return String::new();
    }
    // Tenths of a unit: a hundred days in a box of a hundred would overlap else.
    let step = 1_000 / days.len().max(1);
    let mut path = String::new();
    for (n, count) in days.iter().enumerate().filter(|(_, count)| **count > 0) {
        let high = (u128::from(*count) * 24 / u128::from(most)).max(1);
        let x = n * step + step / 2;
        path.push_str(&format!("M{}.{} 24v-{high}", x / 10, x % 10));
    }
    path
}

/// Unix ms of noon of a day, so that it is the same day in the Netherlands.
fn at(day: i32) -> i64 {
    i64::from(day) * DAY_MS + DAY_MS / 2
}

/// The next number that is easy to read and has a half: 2, 4, 6, 8, 10, 20, 30, 40, 50, 60, 80, 100, …
fn round_up(number: i64) -> i64 {
    let mut unit = 1_i64;
    loop {
        let even = |times: &i64| unit > 1 || times % 2 == 0;
        for times in [2, 3, 4, 5, 6, 8, 10].iter().filter(|times| even(times)) {
            let nice = unit.saturating_mul(*times);
            if nice >= number {
                return nice;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const SERIES: [&str; 3] = ["own", "service", "misuse"];

    fn days(counts: &[[u64; 3]]) -> Vec<(i32, Vec<u64>)> {
        counts.iter().zip(20_000..).map(|(counts, day)| (day, counts.to_vec())).collect()
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert_eq!(Bars::draw("a", &SERIES, &[]), None);
        assert_eq!(Bars::draw("a", &SERIES, &days(&[[0, 0, 0]; 30])), None);
        assert_eq!(spark(&[]), "");
        assert_eq!(spark(&[0, 0]), "");
    }

    #[test]
    fn bars_stand_on_the_ground_and_stay_inside() {
        let bars =
            Bars::draw("a", &SERIES, &days(&[[1_000, 0, 1], [0, 0, 0], [400, 300, 0], [0, 0, 7]])).unwrap();
        assert_eq!((bars.top, bars.middle, bars.total), (2_000, 1_000, 1_708));
        assert_eq!(bars.most, (20_000 * DAY_MS + DAY_MS / 2, 1_001));
        assert_eq!(bars.series.iter().map(|series| series.total).collect::<Vec<_>>(), [1_400, 300, 8]);
        assert_eq!(bars.bars[1].parts, []);
        assert_eq!(bars.bars[3].parts[0].h, PART_MIN, "a few can be seen");
        for bar in &bars.bars {
            let mut ground = HEIGHT;
            for part in &bar.parts {
                assert_eq!(part.y + part.h, ground);
                assert!(part.y >= 0 && part.h > 0 && part.x >= 0 && part.x + part.w <= WIDTH, "{part:?}");
                ground = part.y;
            }
        }
    }

    #[test]
    fn hostile_numbers_stay_inside_too() {
        let huge = vec![(i32::MAX, vec![u64::MAX; 3]), (i32::MIN, vec![u64::MAX; 9]), (0, vec![])];
        let bars = Bars::draw("a", &SERIES, &huge).unwrap();
        let parts = bars.bars.iter().flat_map(|bar| &bar.parts);
        assert!(parts.clone().count() > 0);
        assert!(parts.clone().all(|part| part.y >= 0 && part.h > 0 && part.y + part.h <= HEIGHT));
        assert!(spark(&[u64::MAX, 1]).starts_with("M25.0 24v-24M"));
    }

    #[test]
    fn only_the_newest_days_are_drawn() {
        let bars = Bars::draw("a", &SERIES, &days(&[[1, 2, 3]; 500])).unwrap();
        assert_eq!((bars.bars.len(), bars.last), (BARS_MAX, at(20_499)));
        assert!(bars.bars.iter().all(|bar| bar.parts.iter().all(|part| part.w > 0)));
    }

    #[test]
    fn the_scale_is_easy_to_read() {
        for (number, nice) in
            [(1, 2), (2, 2), (3, 4), (9, 10), (11, 20), (41, 50), (1_204, 2_000), (2_934, 3_000)]
        {
            assert_eq!(round_up(number), nice, "{number}");
        }
        assert!(round_up(i64::MAX) > 0);
    }
}
