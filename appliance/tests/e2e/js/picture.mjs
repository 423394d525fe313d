// A picture that carries a number; the layout is explained in `support/picture.py`.

const COLUMNS = 8;
const ROWS = 4;
const BLACK = 24;
const WHITE = 232;
const PATTERN = 0b10110010;

function crc8(counter) {
  let crc = 0;
  for (const byte of [(counter >> 8) & 0xff, counter & 0xff]) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x80 ? ((crc << 1) ^ 0x07) & 0xff : crc << 1;
  }
  return crc;
}

function word(counter) {
  const low = counter & 0xffff;
  return ((low << 16) | (crc8(low) << 8) | PATTERN) >>> 0;
}

/** Brightness of the cell at a row and column: 24 or 232. */
export function cell(counter, row, column) {
  return (word(counter) >>> (31 - row * COLUMNS - column)) & 1 ? WHITE : BLACK;
}

/** Draws on a canvas. */
export function draw(context, counter, width, height) {
  for (let row = 0; row < ROWS; row += 1) {
    for (let column = 0; column < COLUMNS; column += 1) {
      const level = cell(counter, row, column);
      context.fillStyle = `rgb(${level},${level},${level})`;
      context.fillRect(
        Math.floor((column * width) / COLUMNS), Math.floor((row * height) / ROWS),
        Math.ceil(width / COLUMNS) + 1, Math.ceil(height / ROWS) + 1,
      );
    }
  }
}

/** I420 bytes without colour. */
export function i420(counter, width, height) {
  const bytes = new Uint8Array((width * height * 3) / 2).fill(128);
  for (let y = 0; y < height; y += 1) {
    const row = Math.floor((y * ROWS) / height);
    for (let x = 0; x < width; x += 1) {
      bytes[y * width + x] = cell(counter, row, Math.floor((x * COLUMNS) / width));
    }
  }
  return bytes;
}

/** The counter, or `null`; `at(x, y)` is the brightness of a pixel. */
export function read(at, width, height) {
  const cellWidth = width / COLUMNS;
  const cellHeight = height / ROWS;
  let bits = 0;
  for (let row = 0; row < ROWS; row += 1) {
    for (let column = 0; column < COLUMNS; column += 1) {
      let sum = 0;
      let count = 0;
      for (let y = Math.floor((row + 0.3) * cellHeight); y <= (row + 0.7) * cellHeight; y += 4) {
        for (let x = Math.floor((column + 0.3) * cellWidth); x <= (column + 0.7) * cellWidth; x += 4) {
          sum += at(x, y);
          count += 1;
        }
      }
      bits = ((bits << 1) | (sum / count > 128 ? 1 : 0)) >>> 0;
    }
  }
  const counter = bits >>> 16;
  return (bits & 0xff) === PATTERN && ((bits >>> 8) & 0xff) === crc8(counter) ? counter : null;
}
