// Comfort only: every page works without this file. No globals, no network, nothing read from the address.
(() => {
  for (const button of document.querySelectorAll('[data-reveal]')) {
    const field = document.getElementById(button.dataset.reveal);
    if (!field) continue;
    button.hidden = false;
    button.addEventListener('click', () => {
      const shown = field.type === 'password';
      field.type = shown ? 'text' : 'password';
            button.textContent = shown ? 'Hide' : 'Show';
      button.setAttribute('aria-label', `${button.textContent} ${button.dataset.label ?? ''}`.trim());
      field.focus();
    });
    // A shown password must not be kept by the browser as ordinary form history.
    field.form?.addEventListener('submit', () => {
      field.type = 'password';
    });
  }

  for (const button of document.querySelectorAll('[data-copy]')) {
    const source = document.getElementById(button.dataset.copy);
    if (!source || !navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(source.value);
        button.textContent = 'Copied';
      } catch {
        source.select();
      }
    });
  }

  for (const form of document.querySelectorAll('form')) {
    form.addEventListener('submit', (event) => {
      if (form.dataset.sent) {
        event.preventDefault();
        return;
      }
      form.dataset.sent = 'yes';
      event.submitter?.setAttribute('aria-busy', 'true');
    });
  }

  // The back button may bring the page back from memory with its buttons still busy.
  addEventListener('pageshow', (event) => {
    if (!event.persisted) return;
    for (const form of document.querySelectorAll('form[data-sent]')) delete form.dataset.sent;
    for (const button of document.querySelectorAll('[aria-busy]')) button.removeAttribute('aria-busy');
  });

  // Who comes back with the back button wants to stay, for instance to use another account.
  const [arrival] = performance.getEntriesByType('navigation');
  const onward = document.querySelector('[data-follow]');
  if (onward && arrival?.type !== 'back_forward') location.replace(onward.href);

  // Sent through its button, so that a second click finds the form already sent.
  document.querySelector('form[data-send]')?.requestSubmit();
})();
