/* Lanes: which row each process is drawn in. Parents stand above their children, and subtrees share rows in turn. */

/** Row of a process; −1 below a collapsed one. */
const lane = new Int32Array(count).fill(-1);
/** Processes of a row by start: those from `laneFirst[row]` to `laneFirst[row + 1]`. */
let laneFirst = new Uint32Array(1);
let laneItems = new Uint32Array(0);
let laneCount = 0;
const collapsed = new Set();

/** A heap of numbers with the smallest on top, and a value that belongs to each. */
class Heap {
  constructor() {
    this.keys = [];
    this.values = [];
  }

  get size() {
    return this.keys.length;
  }

  get smallest() {
    return this.keys[0];
  }

  push(key, value) {
    const { keys, values } = this;
    let at = keys.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (keys[above] <= key) break;
      keys[at] = keys[above];
      values[at] = values[above];
      at = above;
    }
    keys[at] = key;
    values[at] = value;
  }

  pop() {
    const { keys, values } = this;
    const result = values[0];
    const key = keys.pop();
    const value = values.pop();
    const length = keys.length;
    let at = 0;
    while (length) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && keys[child + 1] < keys[child]) child++;
      if (keys[child] >= key) break;
      keys[at] = keys[child];
      values[at] = values[child];
      at = child;
    }
    if (length) {
      keys[at] = key;
      values[at] = value;
    }
    return result;
  }
}

/** Rows of one parent in which every block is tried. Very many blocks at once go below them. */
const SEARCHED_ROWS = 256;

/**
 * Places blocks (subtrees) of a given height into as few rows as possible: each into the uppermost rows that are free.
 * Returns the number of rows.
 */
function pack(blocks, from, to, height, place) {
  const freeAt = [];
  const others = [];
  for (const block of blocks) {
    const wanted = height(block);
    const begin = from(block);
    let free = 0;
    let row = 0;
    while (row < freeAt.length && free < wanted) free = freeAt[row++] <= begin ? free + 1 : 0;
    const top = row - free;
    if (top + wanted > SEARCHED_ROWS) {
      others.push(block);
      continue;
    }
    // Processes without a length still need a place of their own.
    freeAt.length = Math.max(freeAt.length, top + wanted);
    freeAt.fill(Math.max(to(block), begin + 1), top, top + wanted);
    place(block, top);
  }
  return others.length ? packBands(others, from, to, height, (block, top) => place(block, freeAt.length + top)) + freeAt.length : freeAt.length;
}

/** Places blocks in bands of rows that are high enough: not as tight, but fast however many blocks there are at once. */
function packBands(blocks, from, to, height, place) {
  const busy = new Heap();
  const free = new Map();
  let rows = 0;
  for (const block of blocks) {
    while (busy.size && busy.smallest <= from(block)) {
      const band = busy.pop();
      if (!free.has(band.height)) free.set(band.height, new Heap());
      free.get(band.height).push(band.top, band);
    }
    let best = null;
    for (const [bandHeight, bands] of free) {
      if (bandHeight >= height(block) && bands.size && (!best || bands.smallest < best.smallest)) best = bands;
    }
    let band;
    if (best) {
      band = best.pop();
    } else {
      band = { top: rows, height: height(block) };
      rows += band.height;
    }
    place(block, band.top);
    busy.push(Math.max(to(block), from(block) + 1), band);
  }
  return rows;
}

/** Computes all rows. */
function layOut() {
  const isHidden = new Uint8Array(count);
  const blockFrom = start.slice();
  const blockTo = end.slice();
  const blockRows = new Uint32Array(count).fill(1);
  const offset = new Uint32Array(count);
  for (const index of topDown) {
    const above = parent[index];
    if (above >= 0 && (isHidden[above] || collapsed.has(above))) isHidden[index] = 1;
  }
  const sizeOf = (block) => blockRows[block];
  const fromOf = (block) => blockFrom[block];
  const toOf = (block) => blockTo[block];
  const put = (block, top) => {
    offset[block] = top;
  };
  const inOrder = (blocks) => {
    for (let i = 1; i < blocks.length; i++) {
      if (blockFrom[blocks[i]] < blockFrom[blocks[i - 1]]) return blocks.slice().sort((a, b) => blockFrom[a] - blockFrom[b]);
    }
    return blocks;
  };
  for (let at = count - 1; at >= 0; at--) {
    const index = topDown[at];
    if (isHidden[index]) continue;
    const children = childrenOf(index);
    if (!collapsed.has(index) && children.length) {
      blockRows[index] += pack(inOrder(children), fromOf, toOf, sizeOf, put);
    }
    const above = parent[index];
    if (above >= 0) {
      blockFrom[above] = Math.min(blockFrom[above], blockFrom[index]);
      blockTo[above] = Math.max(blockTo[above], blockTo[index]);
    }
  }
  laneCount = pack(inOrder(Uint32Array.from(roots)), fromOf, toOf, sizeOf, put);
  for (const index of topDown) {
    const above = parent[index];
    lane[index] = isHidden[index] ? -1 : above < 0 ? offset[index] : lane[above] + 1 + offset[index];
  }
  fillLanes();
}

function fillLanes() {
  laneFirst = new Uint32Array(laneCount + 1);
  let shownCount = 0;
  for (let i = 0; i < count; i++) {
    if (lane[i] >= 0) {
      laneFirst[lane[i] + 1]++;
      shownCount++;
    }
  }
  for (let row = 0; row < laneCount; row++) laneFirst[row + 1] += laneFirst[row];
  laneItems = new Uint32Array(shownCount);
  const next = laneFirst.slice();
  for (const index of byStart) if (lane[index] >= 0) laneItems[next[lane[index]]++] = index;
}

/** Collapses or expands a subtree. */
function toggleCollapsed(index) {
  if (!childrenOf(index).length) return;
  if (!collapsed.delete(index)) collapsed.add(index);
  layOut();
  changed("layout");
}

/** Expands everything above a process, so that it has a row. */
function uncover(index) {
  let found = false;
  for (const above of ancestorsOf(index)) found = collapsed.delete(above) || found;
  if (found) {
    layOut();
    changed("layout");
  }
}
