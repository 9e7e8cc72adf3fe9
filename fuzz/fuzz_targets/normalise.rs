//! Values of every kind: what was normalised once stays as it is.
#![no_main]
use kluis_model::normalise::normalise;
use kluis_model::{Country2, FieldKind};

libfuzzer_sys::fuzz_target!(|data: (u8, &str)| {
    let Some(kind) = FieldKind::from_code(data.0) else { return };
    if let Ok(first) = normalise(kind, data.1, Country2::NL) {
        let second = normalise(kind, first.value.expose(), Country2::NL).expect("a normal form is valid");
        assert_eq!(first.value.expose(), second.value.expose());
    }
});
