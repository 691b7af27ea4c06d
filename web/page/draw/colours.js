// Colours of the pictures. Orange and blue are told apart with every common colour blindness; the further classes
// are Okabe and Ito's. Classes differ in the shape of their marks too.

/** @typedef {[number, number, number]} Rgb */

export const CLASS_NAMES = ['orange', 'blue', 'green', 'purple'];
/** @type {Rgb[]} */
const CLASSES = [
  [224, 123, 0],
  [8, 119, 189],
  [0, 148, 108],
  [190, 90, 150],
  [150, 130, 0],
  [70, 160, 215],
  [200, 80, 30],
  [110, 110, 110],
  [120, 80, 40],
  [60, 60, 140],
];
/** @type {Rgb[]} */
const CLASSES_DARK = [
  [245, 147, 34],
  [64, 160, 230],
  [30, 185, 140],
  [220, 130, 185],
  [215, 195, 60],
  [120, 200, 245],
  [235, 120, 75],
  [165, 165, 165],
  [180, 135, 90],
  [130, 130, 220],
];

/**
 * @typedef {{
 *   dark: boolean, background: string, ink: string, soft: string, line: string, faint: string,
 *   classes: Rgb[], negative: Rgb, neutral: Rgb, positive: Rgb, ramp: Uint32Array, heat: Rgb[],
 * }} Palette
 */

/** @param {Rgb} rgb @param {number} [alpha] */
export const css = ([r, g, b], alpha = 1) => `rgba(${r},${g},${b},${alpha})`;

/** @param {Rgb} from @param {Rgb} to @param {number} along @returns {Rgb} */
export const mix = (from, to, along) => {
  const at = (/** @type {number} */ place) => Math.round(from[place] + (to[place] - from[place]) * along);
  return [at(0), at(1), at(2)];
};

/** A colour as a word of image data, whose bytes are r, g, b, a on every machine that browsers run on. @param {Rgb} rgb */
export const word = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;

/** @type {Palette[]} */
const MADE = [];

/** @param {boolean} dark @returns {Palette} */
export function palette(dark) {
  return (MADE[Number(dark)] ??= make(dark));
}

/** @param {boolean} dark @returns {Palette} */
function make(dark) {
  const classes = dark ? CLASSES_DARK : CLASSES;
  /** @type {Rgb} */
  const neutral = dark ? [32, 38, 48] : [238, 241, 245];
  const [negative, positive] = classes;
  // Not the full colour at the ends: the points of the data have to stand out from it.
  const ends = dark
    ? [mix(neutral, negative, 0.62), mix(neutral, positive, 0.62)]
    : [mix(neutral, negative, 0.68), mix(neutral, positive, 0.68)];
  const ramp = Uint32Array.from({ length: 256 }, (_, at) => {
    const along = at / 127.5 - 1;
    return word(mix(neutral, along < 0 ? ends[0] : ends[1], Math.abs(along)));
  });
  const heat = dark
    ? /** @type {Rgb[]} */ ([
        [24, 30, 40],
        [30, 66, 110],
        [38, 120, 185],
        [120, 195, 245],
      ])
    : /** @type {Rgb[]} */ ([
        [244, 247, 250],
        [178, 212, 238],
        [66, 146, 206],
        [8, 74, 132],
      ]);
  return {
    dark,
    classes,
    negative,
    neutral,
    positive,
    ramp,
    heat,
    background: dark ? '#171b22' : '#ffffff',
    ink: dark ? '#e6eaf0' : '#1b2530',
    soft: dark ? '#9aa6b5' : '#56626f',
    line: dark ? '#343c48' : '#d5dbe2',
    faint: dark ? '#5d6a79' : '#a9b4bf',
  };
}

/**
 * A share from 0 to 1 as a colour of the heat map, and the ink that can be read on it.
 * @param {Palette} colours
 * @param {number} share
 */
export function heat(colours, share) {
  const place = Math.min(Math.max(share, 0), 1) * (colours.heat.length - 1);
  const below = Math.min(Math.floor(place), colours.heat.length - 2);
  const fill = mix(colours.heat[below], colours.heat[below + 1], place - below);
  const [r, g, b] = fill.map(value => {
    const c = value / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return { fill: css(fill), ink: luminance > 0.18 ? '#0d1620' : '#ffffff' };
}
