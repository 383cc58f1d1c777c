//! Reads members of a JSON document that the host has checked, and writes texts.

fn space(b: &[u8], mut i: usize) -> usize {
    while matches!(b.get(i), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        i += 1;
    }
    i
}

/// Behind the string whose quote is at `i`.
fn string(b: &[u8], i: usize) -> Option<usize> {
    let mut at = i + 1;
    loop {
        match b.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Behind the value that begins at `i`.
fn value(b: &[u8], i: usize) -> Option<usize> {
    let mut at = i;
    let mut depth = 0usize;
    loop {
        match b.get(at)? {
            b'"' => at = string(b, at)?,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                at += 1;
            }
            b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' if depth > 0 => at += 1,
            _ => {
                let begin = at;
                while matches!(b.get(at), Some(c) if c.is_ascii_alphanumeric() || b"+-.".contains(c)) {
                    at += 1;
                }
                if at == begin {
                    return None;
                }
            }
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

fn decode(raw: &str) -> Option<String> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    let hex = |chars: &mut std::str::Chars| -> Option<u32> {
        let digits: String = chars.by_ref().take(4).collect();
        u32::from_str_radix(&digits, 16).ok()
    };
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next()? {
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'u' => {
                let mut code = hex(&mut chars)?;
                if (0xd800..0xdc00).contains(&code) {
                    if (chars.next()?, chars.next()?) != ('\\', 'u') {
                        return None;
                    }
                    code = 0x10000 + ((code - 0xd800) << 10) + hex(&mut chars)?.checked_sub(0xdc00)?;
                }
                out.push(char::from_u32(code)?);
            }
            other => out.push(other),
        }
    }
    Some(out)
}

fn member<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    let b = json.as_bytes();
    let mut at = space(b, 0);
    let object = match b.get(at)? {
        b'{' => true,
        b'[' => false,
        _ => return None,
    };
    let mut index = 0usize;
    at = space(b, at + 1);
    while !matches!(b.get(at)?, b'}' | b']') {
        let mut hit = !object && name.parse() == Ok(index);
        if object {
            let end = string(b, at)?;
            hit = decode(json.get(at..end)?)? == name;
            at = space(b, space(b, end) + 1);
        }
        let end = value(b, at)?;
        if hit {
            return json.get(at..end);
        }
        index += 1;
        at = space(b, end);
        if b.get(at) == Some(&b',') {
            at = space(b, at + 1);
        }
    }
    None
}

/// The JSON text at a JSON Pointer such as "/params/name".
pub fn find<'a>(json: &'a str, pointer: &str) -> Option<&'a str> {
    let mut at = json.trim();
    if pointer.is_empty() {
        return Some(at);
    }
    for step in pointer.strip_prefix('/')?.split('/') {
        at = member(at, &step.replace("~1", "/").replace("~0", "~"))?;
    }
    Some(at)
}

/// The text there; None when there is none.
pub fn text(json: &str, pointer: &str) -> Option<String> {
    decode(find(json, pointer)?)
}

/// The number, or `true` and `false`, there.
pub fn value_of<T: std::str::FromStr>(json: &str, pointer: &str) -> Option<T> {
    find(json, pointer)?.parse().ok()
}

/// `s` as a JSON string, with its quotes.
pub fn quote(s: &str) -> String {
    let mut out = String::with_capacity(s.len() + 2);
    out.push('"');
    for c in s.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if (c as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOC: &str = r#" {"a":[1,{"b/c":"x\n\u00e9\ud83d\ude00"}], "n" : -2.5, "t":true,"e":{},"l":[]} "#;

    #[test]
    fn finds_by_pointer() {
        assert_eq!(text(DOC, "/a/1/b~1c").as_deref(), Some("x\né😀"));
        assert_eq!(value_of(DOC, "/a/0"), Some(1i64));
        assert_eq!(value_of(DOC, "/n"), Some(-2.5f64));
        assert_eq!(value_of(DOC, "/t"), Some(true));
        assert_eq!(find(DOC, "/e"), Some("{}"));
        for missing in ["/x", "/a/2", "/a/x", "/n/x", "/l/0", "a"] {
            assert_eq!(find(DOC, missing), None, "{missing}");
        }
    }

    #[test]
    fn cut_documents_end_in_none_or_a_value() {
        for n in 0..DOC.len() {
            if let Some(cut) = DOC.get(..n) {
                for pointer in ["/a/1/b~1c", "/n", "/l", "/zz", ""] {
                    let _ = find(cut, pointer).map(decode);
                }
            }
        }
    }

    #[test]
    fn quotes() {
        assert_eq!(quote("a\"\\\n"), r#""a\"\\\u000a""#);
        assert_eq!(decode(&quote("é😀\u{1}")).as_deref(), Some("é😀\u{1}"));
    }
}
