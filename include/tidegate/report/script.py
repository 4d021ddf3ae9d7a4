"""The pages' only script: looks again every few seconds, and sends what a person decides. Without it everything is
there all the same, as it stood when the page was made."""

from __future__ import annotations

import base64
import hashlib

SCRIPT = """
(() => {
  const live = document.getElementById('live'), banner = document.getElementById('banner');
  if (!live || !live.dataset.from) return;
  const chosen = new Map();
  let good = new Date();
  document.addEventListener('click', event => {
    const details = event.target.closest && event.target.closest('#live details[id]');
    if (details && event.target.closest('summary')) setTimeout(() => chosen.set(details.id, details.open));
  });
  const busy = () => {
    const mark = getSelection();
    return mark && !mark.isCollapsed && live.contains(mark.anchorNode);
  };
  const show = text => {
    const focused = document.activeElement && live.contains(document.activeElement) ? document.activeElement.id : '';
    live.innerHTML = text;
    for (const [id, open] of chosen) { const it = document.getElementById(id); if (it) it.open = open; }
    const again = focused && document.getElementById(focused);
    if (again) again.focus({preventScroll: true});
    offer();
  };
  const offer = () => {
    const state = live.querySelector('[data-controls]');
    const may = state ? state.dataset.controls.split(' ') : [];
    document.querySelectorAll('[data-control]').forEach(it => { it.hidden = !may.includes(it.dataset.control); });
    const all = document.getElementById('controls');
    if (all) all.hidden = !may.some(it => it) && !all.querySelector('.said:not([hidden])');
  };
  const complain = why => {
    banner.textContent = why + ' What stands here is from ' + good.toLocaleTimeString() + '.';
    banner.hidden = false;
  };
  const look = async () => {
    try {
      const answer = await fetch(live.dataset.from, {credentials: 'same-origin', cache: 'no-store'});
      if (answer.status === 401) throw new Error('You are logged out: log in to Airflow again.');
      if (!answer.ok) throw new Error('This page cannot be refreshed (' + answer.status + ').');
      const text = await answer.text();
      if (!busy()) show(text);
      good = new Date();
      banner.hidden = true;
      if (answer.headers.get('x-tidegate-live') === 'no') return;
    } catch (error) {
      complain(error instanceof TypeError ? 'Airflow does not answer.' : error.message);
    }
    setTimeout(look, (document.hidden ? 5 : 1) * 1000 * live.dataset.every);
  };
  const send = async form => {
    const said = document.getElementById('said');
    const button = form.querySelector('button[type=submit]');
    button.disabled = true;
    try {
      const answer = await fetch(form.dataset.to, {
        method: 'POST', credentials: 'same-origin', headers: {'content-type': 'application/json'},
        body: JSON.stringify({reason: form.elements.reason.value}),
      });
      const body = await answer.json();
      said.textContent = answer.ok ? body.said : 'Not done (' + answer.status + '). ' + body.detail;
      said.className = 'said ' + (answer.ok ? 'good' : 'alarm');
      if (answer.ok) { form.reset(); form.closest('details').open = false; }
    } catch (error) {
      said.textContent = 'No answer: nobody knows whether it was done. Look at this page again before you repeat it.';
      said.className = 'said alarm';
    }
    said.hidden = false;
    button.disabled = false;
  };
  document.querySelectorAll('form[data-to]').forEach(form => {
    const [sure, fields] = [form.querySelector('.sure'), form.querySelector('.fields')];
    form.addEventListener('submit', event => {
      event.preventDefault();
      if (sure.hidden) { sure.hidden = false; fields.hidden = true; sure.querySelector('button').focus(); return; }
      sure.hidden = true; fields.hidden = false;
      send(form);
    });
    form.querySelector('.not').addEventListener('click', () => { sure.hidden = true; fields.hidden = false; });
  });
  document.querySelectorAll('.only-script').forEach(it => { it.hidden = false; });
  offer();
  if (live.dataset.every > 0) setTimeout(look, 1000 * live.dataset.every);
})();
"""


def source(text: str) -> str:
    """How a Content-Security-Policy names this very text and nothing else."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
