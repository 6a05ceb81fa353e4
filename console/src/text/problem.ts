/**
 * The two halves of a problem's sentence: what is wrong, and what to do about it. The server puts a semicolon between
 * them; where it did not, the general remedy of the code stands in.
 */
export function causeAndRemedy(message: string, general: string): { cause: string; remedy: string } {
  const at = message.indexOf('; ');
  if (at < 0) return { cause: message, remedy: sentence(general) };
  return { cause: `${message.slice(0, at)}.`, remedy: sentence(message.slice(at + 2)) };
}

function sentence(text: string): string {
  if (text === '') return '';
  const ended = /[.!?]$/.test(text) ? text : `${text}.`;
  return ended.charAt(0).toUpperCase() + ended.slice(1);
}
