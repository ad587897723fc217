"use strict";
(() => {
  const SEEK_S = 5;
  const audio = document.querySelector("audio");
  const now = document.getElementById("now");
  // Only on pages without a recording.
  const clockText = document.getElementById("clock");
  const lanes = document.getElementById("lanes");
  const cursor = document.getElementById("cursor");
  const list = document.getElementById("turns");
  if (!lanes) return;

  const end = Number(lanes.dataset.end);
  const track = lanes.querySelector(".track");
  const speakers = [...lanes.querySelectorAll("tr[data-speaker]")];
  const names = speakers.map((row) => row.querySelector("bdi").textContent);
  // Sorted by start. A row can only be current up to the latest end of the rows so far.
  const rows = [...list.querySelectorAll("[data-start]")];
  const starts = Float64Array.from(rows, (row) => row.dataset.start);
  const ends = Float64Array.from(rows, (row) => row.dataset.end);
  const latestEnds = ends.slice();
  for (let i = 1; i < latestEnds.length; i++) latestEnds[i] = Math.max(latestEnds[i], latestEnds[i - 1]);

  for (const row of rows) {
    const button = row.querySelector("button");
    button.setAttribute("aria-label", `${button.textContent}, ${names[row.dataset.speaker]}`);
  }

  let position = 0;
  let current = [];
  let word = null;
  let stop = rows[0];

  /** The index of the last of the sorted values that is not above the limit, or -1. */
  function lastUpTo(values, limit) {
    let low = 0;
    let high = values.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (values[middle] <= limit) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** The indices of the rows at the position, the one that started last first. */
  function rowsAt(time) {
    const found = [];
    for (let i = lastUpTo(starts, time); i >= 0 && latestEnds[i] > time; i--) {
      if (ends[i] > time) found.push(i);
    }
    return found;
  }

  function clock(time) {
    const whole = Math.floor(time);
    const two = (value) => String(value).padStart(2, "0");
    const hours = Math.floor(whole / 3600);
    const minutes = Math.floor(whole / 60) % 60;
    return (hours ? `${hours}:${two(minutes)}` : `${minutes}`) + `:${two(whole % 60)}`;
  }

  function isVisible(row) {
    const box = row.getBoundingClientRect();
    return box.bottom > 0 && box.top < innerHeight;
  }

  /** The list has one tab stop. */
  function setTabStop(row) {
    if (stop) stop.querySelector("button").tabIndex = -1;
    stop = row;
    stop.querySelector("button").tabIndex = 0;
  }

  function showRows(found) {
    if (found.length === current.length && found.every((row, i) => row === current[i])) return;
    // The page follows the recording until the reader scrolls away.
    const follows = audio && !audio.paused && (!current.length || isVisible(rows[current[0]]));
    for (const i of current) rows[i].removeAttribute("aria-current");
    for (const i of found) rows[i].setAttribute("aria-current", "true");
    current = found;
    const speaking = new Set(found.map((i) => rows[i].dataset.speaker));
    for (const row of speakers) row.classList.toggle("on", speaking.has(row.dataset.speaker));
    now.replaceChildren(...[...speaking].flatMap((speaker) => {
      const name = document.createElement("b");
      name.className = `c${speaker % 8}`;
      name.append(Object.assign(document.createElement("bdi"), { textContent: names[speaker] }));
      return [name, " "];
    }));
    if (!found.length) return;
    if (!list.contains(document.activeElement)) setTabStop(rows[found[0]]);
    if (follows && !rows[found[0]].hidden) rows[found[0]].scrollIntoView({ block: "nearest" });
  }

  function showWord() {
    const words = current.length ? [...rows[current[0]].querySelectorAll("[data-at]")] : [];
    const next = words[lastUpTo(words.map((span) => Number(span.dataset.at)), position)];
    if (next === word) return;
    word?.classList.remove("said");
    next?.classList.add("said");
    word = next;
  }

  function show() {
    const box = track.getBoundingClientRect();
    const left = box.left - lanes.getBoundingClientRect().left;
    cursor.style.transform = `translateX(${left + (box.width * Math.min(position, end)) / end}px)`;
    showRows(rowsAt(position));
    showWord();
    const whole = String(Math.floor(position));
    if (clockText) clockText.textContent = clock(position);
    if (cursor.getAttribute("aria-valuenow") !== whole) {
      cursor.setAttribute("aria-valuenow", whole);
      cursor.setAttribute("aria-valuetext", [clock(position), now.textContent.trim()].filter(Boolean).join(", "));
    }
  }

  function seek(time, play) {
    position = Math.min(Math.max(time, 0), end);
    if (audio) {
      audio.currentTime = position;
      if (play) audio.play().catch(() => {});
    }
    show();
  }

  /** Goes to the next (1) or previous (-1) turn that is not hidden. */
  function step(direction) {
    const at = list.contains(document.activeElement) ? rows.indexOf(document.activeElement.closest("li")) : -1;
    let i = (at >= 0 ? at : lastUpTo(starts, position)) + direction;
    while (rows[i]?.hidden) i += direction;
    if (!rows[i]) return;
    setTabStop(rows[i]);
    seek(starts[i], false);
    rows[i].querySelector("button").focus({ preventScroll: true });
    rows[i].scrollIntoView({ block: "nearest" });
  }

  function scrub(event, play) {
    const box = track.getBoundingClientRect();
    seek(((event.clientX - box.left) / box.width) * end, play);
  }

  lanes.addEventListener("pointerdown", (event) => {
    const target = event.target.closest(".track");
    if (!target || event.button !== 0) return;
    target.setPointerCapture(event.pointerId);
    if (event.pointerType === "mouse") scrub(event, false);
  });
  lanes.addEventListener("pointermove", (event) => {
    if (event.target.closest(".track")?.hasPointerCapture(event.pointerId)) scrub(event, false);
  });
  lanes.addEventListener("click", (event) => {
    if (!event.target.closest(".track")) return;
    scrub(event, true);
    const row = rows[current[0]];
    if (row && !row.hidden && !isVisible(row)) row.scrollIntoView({ block: "center" });
  });

  lanes.addEventListener("change", (event) => {
    const speaker = event.target.closest("tr");
    speaker.classList.toggle("off", !event.target.checked);
    for (const row of list.children) {
      if (row.dataset.speaker === speaker.dataset.speaker) row.hidden = !event.target.checked;
    }
  });

  list.addEventListener("click", (event) => {
    const row = event.target.closest("[data-start]");
    // The mouse may have selected text.
    if (!row || (event.detail > 0 && !getSelection().isCollapsed)) return;
    setTabStop(row);
    seek(Number(event.target.closest("[data-at]")?.dataset.at ?? row.dataset.start), true);
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target === audio) return;
    const inList = list.contains(event.target);
    const isBox = event.target.matches?.("input");
    const actions = {
      " ": () => audio && !isBox && (audio.paused ? audio.play().catch(() => {}) : audio.pause(), true),
      ArrowLeft: () => (seek(position - SEEK_S, false), true),
      ArrowRight: () => (seek(position + SEEK_S, false), true),
      ArrowDown: () => inList && (step(1), true),
      ArrowUp: () => inList && (step(-1), true),
      j: () => (step(1), true),
      k: () => (step(-1), true),
      Home: () => event.target === cursor && (seek(0, false), true),
      End: () => event.target === cursor && (seek(end, false), true),
    };
    if (actions[event.key]?.()) event.preventDefault();
  });
  // A button is activated when the space bar is released.
  list.addEventListener("keyup", (event) => {
    if (event.key === " ") event.preventDefault();
  });

  if (audio) {
    const follow = () => {
      position = audio.currentTime;
      show();
      if (!audio.paused) requestAnimationFrame(follow);
    };
    audio.addEventListener("play", follow);
    for (const event of ["seeked", "timeupdate"]) {
      audio.addEventListener(event, () => audio.paused && follow());
    }
    audio.addEventListener("error", () => {
      const message = document.createElement("p");
      message.setAttribute("role", "alert");
      message.textContent = "The recording cannot be loaded. It must be where this page expects it.";
      audio.replaceWith(message);
    });
  }
  addEventListener("resize", show);
  cursor.hidden = false;
  if (stop) setTabStop(stop);
  show();
})();
