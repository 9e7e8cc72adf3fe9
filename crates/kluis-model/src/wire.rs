//! The one way a closed enum gets its written words: a list of (value, word) pairs searched both ways.

/// A word that is not one of the known ones; carries what was expected, never the word itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown {expected}")]
pub struct UnknownWord {
    /// What was expected, for example `operation`.
    pub expected: &'static str,
}

/// Finds the value a word stands for.
pub(crate) fn value_of<T: Copy>(
    words: &[(T, &'static str)],
    word: &str,
    expected: &'static str,
) -> Result<T, UnknownWord> {
    words.iter().find(|(_, known)| *known == word).map(|(value, _)| *value).ok_or(UnknownWord { expected })
}

/// Gives an enum `id`, `ALL` words, `Display`, `FromStr` and serde as that word, from its list of words.
///
/// A macro because four trait impls for ten enums cannot come from one function.
macro_rules! words {
    ($type:ty, $expected:literal, $count:literal, [$(($value:path, $word:literal)),+ $(,)?]) => {
        impl $type {
            /// Every value, in the order of the list.
            pub const ALL: [$type; $count] = [$($value),+];

            /// Returns the written word, snake_case, stable over versions.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self {
                    $($value => $word,)+
                }
            }
        }
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.id())
            }
        }
        impl std::str::FromStr for $type {
            type Err = $crate::wire::UnknownWord;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::wire::value_of(&[$(($value, $word)),+], text, $expected)
            }
        }
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.id())
            }
        }
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                $crate::wire::parse_from(from)
            }
        }
    };
}
pub(crate) use words;

/// Deserialises anything that is written as a string through its `FromStr`.
pub(crate) fn parse_from<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    struct Visitor<T>(std::marker::PhantomData<T>);
    impl<T: std::str::FromStr<Err: std::fmt::Display>> serde::de::Visitor<'_> for Visitor<T> {
        type Value = T;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a word")
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }
    from.deserialize_str(Visitor(std::marker::PhantomData))
}
