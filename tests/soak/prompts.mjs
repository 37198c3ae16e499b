// Pictures, and the words that ask for them. Every phrasing of one picture may be answered with
// an image of any other; an image of another picture is a wrong one.
const COLOURS = ["red", "blue", "green", "yellow", "white", "black", "purple", "orange"];
const SUBJECTS = ["fox", "castle", "piano", "tractor", "violin", "whale", "bridge", "candle", "kite",
  "tulip", "anchor", "saddle", "barrel", "harp", "lantern", "needle", "orchid", "rocket", "statue",
  "teapot", "umbrella", "wagon", "owl", "bicycle", "lighthouse", "tent", "dragon", "clock", "drum",
  "ladder"];
const PLACES = ["in the snow", "on a beach", "in a forest", "on the moon", "in a kitchen",
  "under water", "in a desert", "on a roof", "in a library", "at a train station"];
const PHRASINGS = [
  (text) => `a ${text}`,
  (text) => `A ${text}.`,
  (text) => `please draw a ${text}`,
  (text) => `an image of a ${text}`,
];

export const PHRASING_COUNT = PHRASINGS.length;

export function anyPicture(random) {
  return `${random.pick(COLOURS)} ${random.pick(SUBJECTS)} ${random.pick(PLACES)}`;
}

export const phrase = (picture, how) => PHRASINGS[how](picture);

// The picture that a prompt asks for.
export function pictureOf(prompt) {
  return prompt.replace(/^(please draw |an image of )?an? /i, "").replace(/\.$/, "");
}
