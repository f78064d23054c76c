/** One thing that `doctor` found. */
export interface Finding {
  readonly level: 'ok' | 'warning' | 'error';
  readonly subject: string;
  readonly text: string;
  /** What mends it, one line each. */
  readonly fixes: readonly string[];
}

export const ok = (subject: string, text: string): Finding => ({ level: 'ok', subject, text, fixes: [] });
export const warning = (subject: string, text: string, ...fixes: string[]): Finding => ({
  level: 'warning',
  subject,
  text,
  fixes,
});
export const error = (subject: string, text: string, ...fixes: string[]): Finding => ({
  level: 'error',
  subject,
  text,
  fixes,
});
