//! The API key that an operator may choose for the very first start.

use std::fmt;

const CHARS_MIN: usize = 16;
const CHARS_MAX: usize = 255;

/// A secret of 16 to 255 visible ASCII characters. Never printed: its `Debug` says only that it is there.
#[derive(Clone, PartialEq, Eq)]
pub struct BootstrapApiKey(String);

impl BootstrapApiKey {
    /// Takes a text that follows the rule.
    ///
    /// # Errors
    /// What is wrong, as the rest of a sentence that began with the variable's name. Never holds the text itself.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wanted =
            format!("give {CHARS_MIN} to {CHARS_MAX} visible ASCII characters, or unset it to have one made");
        if let Some(at) = text.chars().position(|c| !c.is_ascii_graphic()) {
            return Err(format!(
                "has a space or a character that is not visible ASCII at place {}; {wanted}",
                at + 1
            ));
        }
        if !(CHARS_MIN..=CHARS_MAX).contains(&text.len()) {
            return Err(format!("has {} characters; {wanted}", text.len()));
        }
        Ok(BootstrapApiKey(text.to_owned()))
    }

    /// The secret itself.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BootstrapApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BootstrapApiKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_holds_at_its_edges() {
        let takes = |text: &str| BootstrapApiKey::parse(text).is_ok();
        assert_eq!([15, 16, 255, 256].map(|length| takes(&"k".repeat(length))), [false, true, true, false]);
        assert!(takes("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"), "every visible sign");
        for character in [" ", "\t", "\n", "\u{7f}", "\0", "é"] {
            assert!(!takes(&format!("0123456789{character}0123456789")), "{character:?}");
        }
    }

    #[test]
    fn nothing_that_is_printed_holds_the_secret() {
        let secret = "0123456789-secret";
        assert!(!format!("{:?}", BootstrapApiKey::parse(secret).unwrap()).contains("secret"));
        assert!(!BootstrapApiKey::parse("short-secret").unwrap_err().contains("secret"));
        assert!(!BootstrapApiKey::parse("0123456789 secret").unwrap_err().contains("secret"));
    }
}
