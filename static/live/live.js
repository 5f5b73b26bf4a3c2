// Live updates: tells this page what happens, as events of its document.
//
//   <body data-live="conflicts plan:0190..." data-live-cursor="1234">
//
// `planning-sync:event`        one for each piece of news; `detail` is the event as docs/live.md has it, or
//                              {type: "reset"}: something may have been missed, load afresh
// `planning-sync:connection`   `detail.state` is "online" or "offline"; `detail.reason` is "signed-out" where
//                              there will be no further attempt

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30000;
const STEADY_MS = 5000;
const NOT_UNDERSTOOD = 4400;
const SIGNED_OUT = 4401;

const topics = (document.body.dataset.live ?? "").split(/\s+/).filter(Boolean);
let cursor = document.body.dataset.liveCursor || null;
let socket = null;
let timer = null;
let attempts = 0;
let state = null;

function tell(name, detail) {
  document.dispatchEvent(new CustomEvent(`planning-sync:${name}`, { detail }));
}

function become(next, reason) {
  if (next === state) return;
  state = next;
  tell("connection", reason ? { state, reason } : { state });
}

function address() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${location.host}/ws/events/`;
}

function connect() {
  clearTimeout(timer);
  timer = null;
  const mine = new WebSocket(address());
  let answeredAt = null;
  socket = mine;
  mine.addEventListener("open", () => {
    mine.send(JSON.stringify(cursor === null ? { subscribe: topics } : { subscribe: topics, cursor }));
  });
  mine.addEventListener("message", (message) => {
    if (mine !== socket) return;
    const said = JSON.parse(message.data);
    if (said.error) return; // the socket is closed with a code right after
    answeredAt ??= Date.now();
    cursor = said.cursor;
    become("online");
    if (said.reset) tell("event", { type: "reset", cursor });
    for (const event of said.events ?? []) tell("event", event);
  });
  mine.addEventListener("close", ({ code }) => {
    if (mine !== socket) return;
    socket = null;
    if (answeredAt !== null && Date.now() - answeredAt > STEADY_MS) attempts = 0;
    if (code === SIGNED_OUT) {
      become("offline", "signed-out");
      return;
    }
    become("offline");
    if (code === NOT_UNDERSTOOD && cursor !== null) {
      cursor = null; // of another database, perhaps
      tell("event", { type: "reset", cursor });
    }
    later();
  });
}

// Each page waits for another time, so that those of a server that was restarted do not all come back at once.
function later() {
  const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempts);
  attempts += 1;
  timer = setTimeout(connect, pause * (0.5 + Math.random() / 2));
}

function leave() {
  clearTimeout(timer);
  timer = null;
  const mine = socket;
  socket = null;
  mine?.close();
}

if (topics.length > 0) {
  addEventListener("online", () => {
    if (timer !== null) connect();
  });
  // A page that waits in the history of the browser goes on when it is shown again.
  addEventListener("pagehide", leave);
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted && socket === null) connect();
  });
  connect();
}
