//! PNG, and its animations, as the specification has them (www.w3.org/TR/png-3): true colour without
//! alpha, each row as its difference from the one above, packed by the zlib that reads packed data files.

use std::io::Write;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

use super::color::Color;

/// A picture of pixels, in rows from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// Pixels of a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// The colours.
    pub colors: Vec<Color>,
}

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// Eight bits for each of three colours.
const DEPTH_AND_KIND: [u8; 5] = [8, 2, 0, 0, 0];
/// Each byte of a row is its difference from the one above.
const UP: u8 = 2;

fn chunk(file: &mut Vec<u8>, kind: &[u8; 4], parts: &[&[u8]]) {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let mut crc = Crc::new();
    crc.update(kind);
    file.extend((len as u32).to_be_bytes());
    file.extend(kind);
    for part in parts {
        crc.update(part);
        file.extend(*part);
    }
    file.extend(crc.sum().to_be_bytes());
}

/// A rectangle out of pixels, packed.
fn packed(pixels: &Pixels, [left, top, width, height]: [usize; 4]) -> Vec<u8> {
    let row = |at: usize| {
        let colors = &pixels.colors[at * pixels.width + left..][..width];
        colors.iter().flat_map(|color| [color.0, color.1, color.2]).collect::<Vec<u8>>()
    };
    let mut above = vec![0; 3 * width];
    let mut raw = Vec::with_capacity(height * (3 * width + 1));
    for at in top..top + height {
        let own = row(at);
        raw.push(UP);
        raw.extend(own.iter().zip(&above).map(|(own, above)| own.wrapping_sub(*above)));
        above = own;
    }
    let mut writer = ZlibEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail.
    let _ = writer.write_all(&raw);
    writer.finish().unwrap_or_default()
}

fn header(width: usize, height: usize) -> Vec<u8> {
    let size = [width as u32, height as u32].map(u32::to_be_bytes).concat();
    let mut file = SIGNATURE.to_vec();
    chunk(&mut file, b"IHDR", &[&size, &DEPTH_AND_KIND]);
    file
}

/// One picture as a file.
pub fn encode(pixels: &Pixels) -> Vec<u8> {
    let mut file = header(pixels.width, pixels.height);
    let all = [0, 0, pixels.width, pixels.height];
    chunk(&mut file, b"IDAT", &[&packed(pixels, all)]);
    chunk(&mut file, b"IEND", &[]);
    file
}

/// The rectangle in which two pictures of one size differ: left, top, width and height, at least one pixel.
fn changed(before: &Pixels, after: &Pixels) -> [usize; 4] {
    let (mut low, mut high) = ([usize::MAX; 2], [0; 2]);
    for (at, _) in before.colors.iter().zip(&after.colors).enumerate().filter(|(_, (a, b))| a != b)
    {
        for (side, place) in [at % before.width, at / before.width].into_iter().enumerate() {
            low[side] = low[side].min(place);
            high[side] = high[side].max(place);
        }
    }
    match low {
        [usize::MAX, _] => [0, 0, 1, 1],
        [left, top] => [left, top, high[0] - left + 1, high[1] - top + 1],
    }
}

/// Pictures of one size as an animation, each with the milliseconds that it is shown, over and over.
/// Where animations are not known the first is seen.
pub fn animate(frames: &[(Pixels, u16)]) -> Vec<u8> {
    let Some((first, _)) = frames.first() else { return Vec::new() };
    let mut file = header(first.width, first.height);
    let count = (frames.len() as u32).to_be_bytes();
    chunk(&mut file, b"acTL", &[&count, &0u32.to_be_bytes()]);
    let mut order = 0u32;
    let mut next = || {
        order += 1;
        (order - 1).to_be_bytes()
    };
    for (at, (pixels, shown)) in frames.iter().enumerate() {
        let part = match at {
            0 => [0, 0, pixels.width, pixels.height],
            _ => changed(&frames[at - 1].0, pixels),
        };
        let [left, top, width, height] = part.map(|value| (value as u32).to_be_bytes());
        let delay = [*shown, 1000].map(u16::to_be_bytes).concat();
        // It stays until the next is drawn over it.
        let ends = [0, 0];
        chunk(&mut file, b"fcTL", &[&next(), &width, &height, &left, &top, &delay, &ends]);
        let data = packed(pixels, part);
        match at {
            0 => chunk(&mut file, b"IDAT", &[&data]),
            _ => chunk(&mut file, b"fdAT", &[&next(), &data]),
        }
    }
    chunk(&mut file, b"IEND", &[]);
    file
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Read;

    use super::*;

    /// The chunks of a file, each with its kind, their sums checked.
    pub fn chunks(file: &[u8]) -> Vec<([u8; 4], Vec<u8>)> {
        assert_eq!(file[..8], SIGNATURE);
        let (mut all, mut at) = (Vec::new(), 8);
        while at < file.len() {
            let number = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
            let len = number(at) as usize;
            let mut crc = Crc::new();
            crc.update(&file[at + 4..at + 8 + len]);
            assert_eq!(crc.sum(), number(at + 8 + len));
            all.push((
                file[at + 4..at + 8].try_into().unwrap(),
                file[at + 8..at + 8 + len].to_vec(),
            ));
            at += 12 + len;
        }
        all
    }

    fn unpacked(data: &[u8], width: usize) -> Vec<Color> {
        let mut raw = Vec::new();
        flate2::read::ZlibDecoder::new(data).read_to_end(&mut raw).unwrap();
        let mut above = vec![0u8; 3 * width];
        let mut colors = Vec::new();
        for row in raw.chunks_exact(3 * width + 1) {
            assert_eq!(row[0], UP);
            above = row[1..].iter().zip(&above).map(|(a, b)| a.wrapping_add(*b)).collect();
            colors.extend(above.chunks_exact(3).map(|c| Color(c[0], c[1], c[2])));
        }
        colors
    }

    fn picture(seed: u8) -> Pixels {
        let colors = (0..15).map(|at| Color(at, at * 7 + seed, 255 - at)).collect();
        Pixels { width: 5, height: 3, colors }
    }

    #[test]
    fn a_picture_reads_back() {
        let chunks = chunks(&encode(&picture(3)));
        let kinds: Vec<&[u8]> = chunks.iter().map(|(kind, _)| &kind[..]).collect();
        assert_eq!(kinds, [b"IHDR", b"IDAT", b"IEND"]);
        assert_eq!(chunks[0].1, [0, 0, 0, 5, 0, 0, 0, 3, 8, 2, 0, 0, 0]);
        assert_eq!(unpacked(&chunks[1].1, 5), picture(3).colors);
    }

    #[test]
    fn an_animation_holds_what_changes() {
        let mut second = picture(0);
        (second.colors[7], second.colors[13]) = (Color(9, 9, 9), Color(8, 8, 8));
        let frames = [(picture(0), 100), (second, 250), (picture(1), 50)];
        let chunks = chunks(&animate(&frames));
        let kinds: Vec<&[u8]> = chunks.iter().map(|(kind, _)| &kind[..]).collect();
        let expected =
            [b"IHDR", b"acTL", b"fcTL", b"IDAT", b"fcTL", b"fdAT", b"fcTL", b"fdAT", b"IEND"];
        assert_eq!(kinds, expected);
        assert_eq!(chunks[1].1, [0, 0, 0, 3, 0, 0, 0, 0]);
        // The second frame is columns 2 and 3 of the last two rows.
        let size: Vec<u8> = [1u32, 2, 2, 2, 1].map(u32::to_be_bytes).concat();
        assert_eq!(chunks[4].1[..20], size);
        assert_eq!(chunks[4].1[20..], [0, 250, 3, 232, 0, 0]);
        let inner = unpacked(&chunks[5].1[4..], 2);
        assert_eq!(inner, [7, 8, 12, 13].map(|at| frames[1].0.colors[at]));
        let orders: Vec<u8> =
            chunks[2..8].iter().filter(|c| &c.0 != b"IDAT").map(|c| c.1[3]).collect();
        assert_eq!(orders, [0, 1, 2, 3, 4]);
    }
}
