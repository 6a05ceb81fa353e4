/** Light, dark, or as the system says. The choice stays in this browser. */
export type Theme = 'system' | 'light' | 'dark';

const KEPT_UNDER = 'muster-theme';

export function chosenTheme(): Theme {
  const kept = localStorage.getItem(KEPT_UNDER);
  return kept === 'light' || kept === 'dark' ? kept : 'system';
}

export function chooseTheme(theme: Theme): void {
  if (theme === 'system') localStorage.removeItem(KEPT_UNDER);
  else localStorage.setItem(KEPT_UNDER, theme);
  showTheme(theme);
}

export function showTheme(theme: Theme = chosenTheme()): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
