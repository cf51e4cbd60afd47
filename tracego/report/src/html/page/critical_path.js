/* The critical path: at each moment of the job, the process that its end waited for. */

/** Stretches of the path from the end of the job to its start: process, from, to. */
const criticalProcess = [];
const criticalFrom = [];
const criticalTo = [];
/** Nanoseconds of the path that belong to a process itself, and to it with all processes below. */
const criticalTime = new Map();
const criticalBelow = new Float64Array(count);

/**
 * Walks back from the end of the job. A process waits for the child that ended last; before that child started, for the
 * child that had ended last until then; and otherwise for itself. A child that ran on after its parent went on was
 * not waited for, nor one whose end is unknown.
 */
function findCriticalPath() {
  const stack = [];
  const endings = (list) => Array.from(list).sort((a, b) => end[a] - end[b] || start[a] - start[b]);
  const enter = (index, until) => stack.push({ index, until, children: endings(childrenOf(index)) });
  const ended = roots.filter((root) => !(doubt[root] & END_UNKNOWN));
  const rootList = endings(ended.length ? ended : roots);
  let until = job.length;
  while (rootList.length) {
    const root = rootList.pop();
    if (end[root] > until) continue;
    enter(root, end[root]);
    while (stack.length) {
      const top = stack[stack.length - 1];
      let child = -1;
      while (top.children.length && child < 0) {
        const last = top.children.pop();
        const waited = end[last] <= top.until && start[last] >= start[top.index];
        if (waited && !(doubt[last] & END_UNKNOWN)) child = last;
      }
      const from = child < 0 ? start[top.index] : end[child];
      addStretch(top.index, from, top.until);
      if (child < 0) {
        stack.pop();
      } else {
        top.until = start[child];
        enter(child, end[child]);
      }
    }
    until = start[root];
  }
}

function addStretch(index, from, to) {
  if (to <= from) return;
  criticalProcess.push(index);
  criticalFrom.push(from);
  criticalTo.push(to);
  criticalTime.set(index, (criticalTime.get(index) || 0) + to - from);
}

/** Returns the steps of the job: the children of the innermost process that lasts nearly as long as the job. */
function stepsOfJob() {
  let above = -1;
  let steps = roots;
  for (;;) {
    const whole = steps.filter((index) => durationOf(index) > job.length * 0.95);
    if (whole.length !== 1 || childrenOf(whole[0]).length === 0) return { above, steps };
    above = whole[0];
    steps = Array.from(childrenOf(above));
  }
}

findCriticalPath();
for (let at = count - 1; at >= 0; at--) {
  const index = topDown[at];
  criticalBelow[index] += criticalTime.get(index) || 0;
  if (parent[index] >= 0) criticalBelow[parent[index]] += criticalBelow[index];
}
