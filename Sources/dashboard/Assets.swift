import Page

/// What the page loads besides itself: from the dashboard, and from nowhere else.
enum Assets {
  static let style =
    HTMLStyle.css + """

      header { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; align-items: baseline; }
      header form { margin-left: auto; display: flex; gap: .4rem; }
      input, button { font: inherit; color: inherit; background: var(--paper); padding: .25rem .5rem;
        border: 1px solid var(--rule); border-radius: .3rem; max-width: 100%; }
      button { cursor: pointer; } a { color: var(--accent); }
      :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
      .panels { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0 1rem; }
      .panels > .wide { grid-column: 1 / -1; }
      .panels .pair { grid-template-columns: minmax(0, 1fr); gap: .5rem; }
      .skip { position: absolute; left: -99rem; } .skip:focus { position: static; }
      .notice { border-left: .3rem solid var(--warn); padding: .4rem .8rem; background: var(--card); }
      .dot { display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin-right: .4em; }
      pre { margin: 0; font-size: .78rem; white-space: pre-wrap; overflow-wrap: anywhere; }
      pre .bad { color: var(--bad); } pre .warn { color: var(--warn); }
      td { min-width: 3.4rem; } td:first-child { white-space: nowrap; }
      #troubles td:nth-child(3) { overflow-wrap: anywhere; min-width: 8rem; } code { font-size: .95em; }
      dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .3rem 1rem; }
      dt { color: var(--muted); } dd { margin: 0; overflow-wrap: anywhere; }
      label { display: block; margin: .6rem 0; }
      #live { padding: .1rem .5rem; border-radius: 1rem; border: 1px solid var(--rule); font-size: .85rem; }
      #live.lost { color: var(--bad); border-color: var(--bad); }
      @media (max-width: 56rem) { .panels { grid-template-columns: minmax(0, 1fr); } }
      @media (max-width: 30rem) { body { padding: .7rem; } section { padding: .6rem .7rem; }
        dl { grid-template-columns: minmax(0, 1fr); } dd { margin-bottom: .4rem; }
        header form { margin-left: 0; } }
      """

  /// Replaces what has changed. What the keyboard is in is left alone until it has gone on.
  static let script = """
    'use strict';
    (() => {
      const live = document.getElementById('live');
      const pause = document.getElementById('pause');
      const waits = [500, 1000, 2000, 4000, 8000, 10000];
      const later = new Map();
      let tries = 0, paused = false, socket = null, since = new Date();

      const state = (text, lost) => {
        if (live.textContent !== text) live.textContent = text;
        live.classList.toggle('lost', lost);
      };
      const put = (id, html) => {
        const panel = document.getElementById(id);
        if (!panel) return;
        const busy = panel !== document.activeElement && panel.contains(document.activeElement);
        if (paused || busy) { later.set(id, html); return; }
        const places = [...panel.querySelectorAll('.scroll')].map((e) => e.scrollTop);
        panel.innerHTML = html;
        panel.querySelectorAll('.scroll').forEach((e, i) => { e.scrollTop = places[i] || 0; });
        later.delete(id);
      };
      const settle = () => { for (const [id, html] of [...later]) put(id, html); };
      const clock = (date) => date.toTimeString().slice(0, 8);

      const connect = () => {
        const scheme = location.protocol === 'https:' ? 'wss://' : 'ws://';
        socket = new WebSocket(scheme + location.host + '/live');
        socket.onopen = () => { tries = 0; state(paused ? 'paused' : 'live', false); };
        socket.onmessage = (event) => {
          since = new Date();
          for (const [id, html] of Object.entries(JSON.parse(event.data))) put(id, html);
        };
        socket.onclose = () => {
          state('no connection since ' + clock(since), true);
          setTimeout(connect, waits[Math.min(tries++, waits.length - 1)]);
        };
      };
      pause.hidden = false;
      pause.onclick = () => {
        paused = !paused;
        pause.textContent = paused ? 'Go on' : 'Pause updates';
        pause.setAttribute('aria-pressed', String(paused));
        if (socket && socket.readyState === 1) state(paused ? 'paused' : 'live', false);
        if (!paused) settle();
      };
      document.addEventListener('focusout', () => setTimeout(settle, 0));
      connect();
    })();
    """
}
