//! The words, names, values and signs that the text form of a rule is made of.

use jiff::civil::Date;

use super::dates;
use super::number::Number;
use super::text::TextFault;

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// A bare word: of the language, or the name of a property.
    Word(String),
    /// A name between backquotes.
    Name(String),
    /// A field that every profile has: a word behind `$`.
    Auto(String),
    /// A text between quotes.
    Text(String),
    /// A number.
    Number(Number),
    /// A day.
    Day(Date),
    /// A comparison, a parenthesis, a comma or a point.
    Sign(&'static str),
    /// Behind the last.
    End,
}

/// A token and the column that it begins in, from 1 on, in characters.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The token.
    pub token: Token,
    /// The column.
    pub column: usize,
    /// As it is written.
    pub written: String,
}

/// The longest first where one begins another.
const SIGNS: [(&str, &str); 15] = [
    ("!=", "!="),
    ("<>", "!="),
    ("<=", "<="),
    (">=", ">="),
    ("\u{2260}", "!="),
    ("\u{2264}", "<="),
    ("\u{2265}", ">="),
    ("==", "="),
    ("=", "="),
    ("<", "<"),
    (">", ">"),
    ("(", "("),
    (")", ")"),
    (",", ","),
    (".", "."),
];

/// Words that a property's name may not be without backquotes.
const KEPT_WORDS: [&str; 33] = [
    "after", "ago", "and", "at", "before", "between", "case", "company", "contain", "contains", "day",
    "days", "did", "does", "ends", "ever", "everyone", "exist", "exists", "ignoring", "in", "is", "last",
    "more", "nobody", "not", "on", "or", "segment", "starts", "viewed", "where", "with",
];

fn begins_word(letter: char) -> bool {
    letter.is_ascii_alphabetic() || letter == '_'
}

fn goes_on(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// Whether a property's name can stand without backquotes.
pub fn is_bare(name: &str) -> bool {
    name.starts_with(begins_word)
        && name.chars().all(goes_on)
        && !KEPT_WORDS.iter().any(|word| word.eq_ignore_ascii_case(name))
}

/// Takes a text apart.
///
/// # Errors
/// At the first character that begins nothing, and at a quote that is never closed.
pub fn tokens(text: &str) -> Result<Vec<Placed>, TextFault> {
    let mut found = Vec::new();
    let (mut rest, mut column) = (text, 1);
    loop {
        let trimmed = rest.trim_start();
        column += rest[..rest.len() - trimmed.len()].chars().count();
        rest = trimmed;
        if rest.is_empty() {
            found.push(Placed { token: Token::End, column, written: String::new() });
            return Ok(found);
        }
        let (token, length) = token(rest, column)?;
        let (written, behind) = rest.split_at(length);
        found.push(Placed { token, column, written: written.to_owned() });
        column += written.chars().count();
        rest = behind;
    }
}

fn token(rest: &str, column: usize) -> Result<(Token, usize), TextFault> {
    let first = rest.chars().next().unwrap_or_default();
    let word = |text: &str| text.find(|letter| !goes_on(letter)).unwrap_or(text.len());
    if begins_word(first) {
        let end = word(rest);
        return Ok((Token::Word(rest[..end].to_owned()), end));
    }
    if first == '"' || first == '`' {
        let (text, length) = quoted(rest, first, column)?;
        return Ok((if first == '"' { Token::Text(text) } else { Token::Name(text) }, length));
    }
    if let Some(behind) = rest.strip_prefix('$') {
        let end = word(behind);
        return Ok((Token::Auto(behind[..end].to_owned()), end + 1));
    }
    let begins_number = |text: &str| text.starts_with(|letter: char| letter.is_ascii_digit());
    if begins_number(rest.strip_prefix(['-', '+']).unwrap_or(rest).trim_start_matches('.'))
        && !rest.starts_with("..")
    {
        return number_or_day(rest, column);
    }
    match SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
        Some((sign, meant)) => Ok((Token::Sign(meant), sign.len())),
        None => Err(TextFault {
            column,
            expected: "a word, a name, a value or a parenthesis".to_owned(),
            found: first.to_string(),
        }),
    }
}

fn number_or_day(rest: &str, column: usize) -> Result<(Token, usize), TextFault> {
    let goes_on = |before: char, letter: char| {
        let signs_exponent =
            matches!(letter, '-' | '+') && (before.is_ascii_digit() || matches!(before, 'e' | 'E'));
        letter.is_ascii_alphanumeric() || letter == '.' || signs_exponent
    };
    let mut before = '-';
    let mut end = 0;
    for letter in rest.chars() {
        if end > 0 && !goes_on(before, letter) {
            break;
        }
        before = letter;
        end += letter.len_utf8();
    }
    let written = &rest[..end];
    if let Some(day) = dates::day(written) {
        return Ok((Token::Day(day), end));
    }
    match Number::parse(written) {
        Some(number) => Ok((Token::Number(number), end)),
        None => {
            let expected = "a number, or a day as YYYY-MM-DD".to_owned();
            Err(TextFault { column, expected, found: written.to_owned() })
        }
    }
}

/// What stands between two quotes, and how many bytes it takes with them. A backslash stands before a quote and itself.
fn quoted(rest: &str, quote: char, column: usize) -> Result<(String, usize), TextFault> {
    let mut text = String::new();
    let mut letters = rest.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        if letter == quote {
            return Ok((text, at + quote.len_utf8()));
        }
        if letter != '\\' {
            text.push(letter);
            continue;
        }
        match letters.next() {
            Some((_, escaped)) if escaped == quote || escaped == '\\' => text.push(escaped),
            other => {
                return Err(TextFault {
                    column: column + rest[..at].chars().count(),
                    expected: format!("{quote} or \\ behind a \\"),
                    found: other.map(|(_, letter)| letter.to_string()).unwrap_or_default(),
                });
            }
        }
    }
    Err(TextFault { column, expected: format!("a closing {quote}"), found: String::new() })
}
