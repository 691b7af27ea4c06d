//! IDX files, the format of MNIST (Y. LeCun, C. Cortes, C. Burges, "The MNIST database of
//! handwritten digits", section "file formats"), and gzip decompression.

use std::borrow::Cow;
use std::io::Read;

use flate2::bufread::GzDecoder;

use super::column::Texts;
use super::error::allocate;
use super::table::{Names, Table, Targets, columns_of};
use super::{DataError, DataProblem};

/// Bytes that are decompressed at a time.
const CHUNK: usize = 1 << 16;

/// The type of an element, by the third byte of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    U8 = 0x08,
    I8 = 0x09,
    I16 = 0x0B,
    I32 = 0x0C,
    F32 = 0x0D,
    F64 = 0x0E,
}

/// A file whose header fits its size.
struct Idx<'a> {
    kind: Kind,
    /// The sizes, the number of rows first.
    sizes: Vec<usize>,
    elements: &'a [u8],
}

impl Kind {
    fn of(code: u8) -> Option<Kind> {
        let all = [Kind::U8, Kind::I8, Kind::I16, Kind::I32, Kind::F32, Kind::F64];
        all.into_iter().find(|&kind| kind as u8 == code)
    }

    fn bytes(self) -> usize {
        match self {
            Kind::U8 | Kind::I8 => 1,
            Kind::I16 => 2,
            Kind::I32 | Kind::F32 => 4,
            Kind::F64 => 8,
        }
    }

    /// The big-endian element in these bytes.
    fn value(self, bytes: &[u8]) -> f64 {
        let mut whole = [0; 8];
        whole[..bytes.len()].copy_from_slice(bytes);
        let [a, b, c, d, ..] = whole;
        match self {
            Kind::U8 => a.into(),
            Kind::I8 => i8::from_be_bytes([a]).into(),
            Kind::I16 => i16::from_be_bytes([a, b]).into(),
            Kind::I32 => i32::from_be_bytes([a, b, c, d]).into(),
            Kind::F32 => f32::from_be_bytes([a, b, c, d]).into(),
            Kind::F64 => f64::from_be_bytes(whole),
        }
    }
}

/// `bytes`, decompressed if they are gzip.
///
/// # Errors
/// [`DataProblem::Unreadable`] for damaged bytes, [`DataProblem::Memory`].
pub fn unpacked<'a>(name: &str, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, DataError> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(Cow::Borrowed(bytes));
    }
    // Some writers fill up a last block with zeros.
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    let mut decoder = GzDecoder::new(bytes);
    let (mut all, mut chunk) = (Vec::new(), vec![0; CHUNK]);
    loop {
        let len = decoder
            .read(&mut chunk)
            .map_err(|error| DataProblem::Unreadable(format!("damaged gzip ({error})")).of(name))?;
        if len == 0 {
            // A file may be several streams in a row.
            let rest = decoder.into_inner();
            if bytes.len() - rest.len() >= end {
                return Ok(Cow::Owned(all));
            }
            decoder = GzDecoder::new(rest);
            continue;
        }
        // Memory for what was read, not for what the file promises.
        let needed = all.len().saturating_mul(2);
        all.try_reserve(len).map_err(|_| DataProblem::Memory(needed).of(name))?;
        all.extend_from_slice(&chunk[..len]);
    }
}

fn not_idx(name: &str, reason: String) -> DataError {
    let reason = format!("{reason}; expected an IDX file, such as MNIST's, plain or gzip");
    DataProblem::Unreadable(reason).of(name)
}

impl<'a> Idx<'a> {
    fn new(name: &str, bytes: &'a [u8]) -> Result<Idx<'a>, DataError> {
        let bad = |reason: String| Err(not_idx(name, reason));
        let [0, 0, code, dimensions, rest @ ..] = bytes else {
            let first: Vec<String> =
                bytes.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
            return bad(match first.is_empty() {
                true => "is empty".to_owned(),
                false => format!("begins with {} and not with 00 00", first.join(" ")),
            });
        };
        let Some(kind) = Kind::of(*code) else {
            return bad(format!("its elements are of the unknown type {code:#04x}"));
        };
        let header = usize::from(*dimensions) * 4;
        let Some((header, elements)) = rest.split_at_checked(header).filter(|_| header > 0) else {
            return bad(format!("{} bytes do not hold {dimensions} sizes", bytes.len()));
        };
        let (sizes, _) = header.as_chunks();
        let sizes: Vec<usize> =
            sizes.iter().map(|&size| u32::from_be_bytes(size) as usize).collect();
        let count = sizes.iter().try_fold(kind.bytes(), |all, &size| all.checked_mul(size));
        if count != Some(elements.len()) {
            let promised: Vec<String> = sizes.iter().map(usize::to_string).collect();
            return bad(format!(
                "its header promises {} elements of {} bytes, {} bytes follow",
                promised.join(" x "),
                kind.bytes(),
                elements.len()
            ));
        }
        if elements.is_empty() {
            return Err(DataProblem::Empty.of(name));
        }
        Ok(Idx { kind, sizes, elements })
    }

    fn elements(&self) -> impl ExactSizeIterator<Item = f64> {
        self.elements.chunks_exact(self.kind.bytes()).map(|bytes| self.kind.value(bytes))
    }

    /// Every element as f32.
    fn values(&self, name: &str) -> Result<Vec<f32>, DataError> {
        let mut values = allocate(name, self.elements().len())?;
        let width = self.elements().len() / self.sizes[0];
        for (index, wide) in self.elements().enumerate() {
            let value = wide as f32;
            if !value.is_finite() {
                let what = if wide.is_finite() { "beyond the range of f32" } else { "not finite" };
                return Err(DataProblem::Field {
                    line: (index / width + 1) as u64,
                    column: index % width + 1,
                    value: wide.to_string(),
                    what: what.to_owned(),
                    fix: "every element must be a finite number",
                }
                .of(name));
            }
            values.push(value);
        }
        Ok(values)
    }
}

/// The rows of an IDX file of inputs, where all dimensions but the first make up one row, and their
/// classes from a second file, whose elements are whole numbers. Each file comes with its name in
/// errors, and may be compressed with gzip.
///
/// # Errors
/// [`DataError`]: a wrong magic number, sizes that do not fit the file, files of different lengths,
/// numbers that are not finite.
pub fn read_idx(images: (&str, &[u8]), labels: Option<(&str, &[u8])>) -> Result<Table, DataError> {
    let (name, bytes) = images;
    let bytes = unpacked(name, bytes)?;
    let idx = Idx::new(name, &bytes)?;
    let (rows, inputs) = (idx.sizes[0], idx.values(name)?);
    let targets = match labels {
        None => Targets::None,
        Some((labels_name, bytes)) => {
            let classes = read_classes(labels_name, bytes)?;
            let labels = classes.of.len();
            if labels != rows {
                let reason = format!(
                    "{rows} rows of inputs and {labels} labels; use files that belong together"
                );
                let name = format!("{name} and {labels_name}");
                return Err(DataProblem::Unreadable(reason).of(name));
            }
            Targets::Classes(classes)
        }
    };
    let (columns, names) = (columns_of(&inputs, inputs.len() / rows), Names::default());
    let (name, notes) = (name.to_owned(), Vec::new());
    Ok(Table { name, names, rows, columns, targets, notes })
}

fn read_classes(name: &str, bytes: &[u8]) -> Result<Texts, DataError> {
    let bytes = unpacked(name, bytes)?;
    let idx = Idx::new(name, &bytes)?;
    if idx.sizes[1..].iter().any(|&size| size != 1) {
        let reason = format!("labels have one dimension, not {}", idx.sizes.len());
        return Err(not_idx(name, reason));
    }
    if matches!(idx.kind, Kind::F32 | Kind::F64) {
        return Err(not_idx(name, "labels are whole numbers, not floats".to_owned()));
    }
    let mut classes = Texts::default();
    classes.source = Some(name.to_owned());
    for (row, label) in (1..).zip(idx.elements()) {
        classes.push(&label.to_string(), row, 1).map_err(|problem| problem.of(name))?;
    }
    Ok(classes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;
    use crate::data::Labels;

    /// A file of one byte an element.
    fn file(sizes: &[u32], elements: &[u8]) -> Vec<u8> {
        let header = [0, 0, 8, sizes.len() as u8];
        let sizes = sizes.iter().flat_map(|size| size.to_be_bytes());
        header.into_iter().chain(sizes).chain(elements.iter().copied()).collect()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(images: &[u8], labels: &[u8]) -> Result<Table, DataError> {
        read_idx(("images", images), Some(("labels", labels)))
    }

    #[test]
    fn rows_and_classes_come_out_plain_and_packed() {
        let images = file(&[3, 2, 2], &[0, 1, 2, 3, 255, 5, 6, 7, 8, 9, 10, 11]);
        let labels = file(&[3], &[7, 0, 7]);
        let plain = read(&images, &labels).unwrap();
        assert_eq!((plain.rows(), plain.input_len()), (3, 4));
        assert_eq!(plain.numbers()[4], 255.0);
        assert_eq!(Labels::of(&plain, None).unwrap().names(), ["0", "7"]);
        assert_eq!(Labels::of(&plain, Some(10)).unwrap().names().len(), 10);
        assert_eq!(read(&gzip(&images), &gzip(&labels)).unwrap(), plain);
        let untaught = read_idx(("images", &images), None).unwrap();
        assert!(!untaught.has_targets() && untaught.rows() == 3);
    }

    #[test]
    fn wider_elements_are_read_the_highest_byte_first() {
        let with = |code: u8, elements: &[&[u8]]| {
            let header = [0, 0, code, 2, 0, 0, 0, 2, 0, 0, 0, 1];
            let bytes: Vec<u8> = header.into_iter().chain(elements.concat()).collect();
            read_idx(("x", &bytes), None).map(|table| table.numbers())
        };
        assert_eq!(with(0x09, &[&[0xff], &[0x7f]]), Ok(vec![-1.0, 127.0]));
        assert_eq!(with(0x0B, &[&[0xff, 0xfe], &[1, 0]]), Ok(vec![-2.0, 256.0]));
        assert_eq!(with(0x0C, &[&[0, 1, 0, 0], &[0xff; 4]]), Ok(vec![65536.0, -1.0]));
        assert_eq!(
            with(0x0D, &[&1.5f32.to_be_bytes(), &(-2.0f32).to_be_bytes()]),
            Ok(vec![1.5, -2.0])
        );
        assert_eq!(
            with(0x0E, &[&0.25f64.to_be_bytes(), &3.0f64.to_be_bytes()]),
            Ok(vec![0.25, 3.0])
        );
        let error = with(0x0E, &[&1.0f64.to_be_bytes(), &1e300f64.to_be_bytes()]).unwrap_err();
        assert!(error.to_string().contains("line 2, column 1"), "{error}");
        assert!(with(0x0D, &[&f32::NAN.to_be_bytes(), &[0; 4]]).is_err());
    }

    #[test]
    fn what_does_not_hold_what_it_says_is_refused() {
        let good = file(&[2, 1], &[1, 2]);
        let huge = file(&[u32::MAX, u32::MAX, u32::MAX], &[1]);
        for (bytes, part) in [
            (Vec::new(), "is empty"),
            (b"P5 1".to_vec(), "begins with 50 35 20 31"),
            (vec![0, 0, 7, 1, 0, 0, 0, 1, 1], "type 0x07"),
            (vec![0, 0, 8, 0], "0 sizes"),
            (vec![0, 0, 8, 3, 0, 0, 0, 1], "3 sizes"),
            (file(&[2, 3], &[1, 2, 3]), "promises 2 x 3 elements of 1 bytes, 3 bytes follow"),
            (file(&[1, 2], &[1, 2, 3]), "3 bytes follow"),
            (huge, "promises 4294967295 x"),
            (file(&[0, 5], &[]), "no rows"),
            (gzip(&good)[..20].to_vec(), "damaged gzip"),
        ] {
            let error = read(&bytes, &file(&[2], &[0, 1])).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("images"), "{error}");
        }
        for (labels, part) in [
            (file(&[3], &[0, 1, 2]), "2 rows of inputs and 3 labels"),
            (file(&[1, 2], &[0, 1]), "one dimension"),
            (vec![0, 0, 0x0D, 1, 0, 0, 0, 1, 0, 0, 0, 0], "whole numbers"),
        ] {
            let error = read(&good, &labels).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("labels"), "{error}");
        }
    }

    proptest! {
        /// Whatever the bytes, an answer or an error; and nothing is made room for on a header's word.
        #[test]
        fn any_bytes_are_read_or_refused(
            start in prop::sample::select(vec![&[][..], &[0, 0, 8, 1], &[0, 0, 13, 2], &[0x1f, 0x8b, 8, 0]]),
            rest: Vec<u8>,
        ) {
            let bytes = [start, &rest].concat();
            if let Ok(table) = read_idx(("any", &bytes), Some(("any", &bytes))) {
                prop_assert!(table.numbers().iter().all(|value| value.is_finite()));
            }
        }

        /// Every cut of a packed file is refused, and every flipped byte refused or read as it was.
        #[test]
        fn damage_to_a_packed_file_is_seen(at in 0usize..60, flip in 1u8..=255) {
            let images = file(&[4, 2], &[1, 2, 3, 4, 5, 6, 7, 8]);
            let packed = gzip(&images);
            let at = at % packed.len();
            prop_assert!(unpacked("cut", &packed[..at.max(2)]).is_err());
            let mut bad = packed.clone();
            bad[at] ^= flip;
            if let Ok(read) = unpacked("flipped", &bad) {
                prop_assert!(*read == images[..] || *read == bad[..]);
            }
        }
    }
}
