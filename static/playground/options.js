const storageKey = 'latchkey-playground:options';

const initial = {
  cacheLocation: 'localstorage',
  useRefreshTokens: 'true',
  useRefreshTokensFallback: '',
  leeway: '0',
};

/** The chosen options as the form spells them: texts, '' where the SDK's default is wanted. */
export function readOptions() {
  try {
    const stored = JSON.parse(localStorage.getItem(storageKey));
    return Object.fromEntries(
      Object.entries(initial).map(([name, value]) => [name, stored?.[name] ?? value]),
    );
  } catch {
    return initial; // something else wrote there
  }
}

/** Shows the options in the form, remembers every change and then calls `onChange`. */
export function bindOptions(form, onChange) {
  for (const [name, value] of Object.entries(readOptions())) form.elements.namedItem(name).value = value;
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('change', () => {
    localStorage.setItem(storageKey, JSON.stringify(Object.fromEntries(new FormData(form))));
    onChange();
  });
}
