// What `posthuis check` finds.

/** An error makes the exit status 1; a warning is only told. */
export type Finding = { readonly level: 'error' | 'warning'; readonly what: string };

export function error(what: string): Finding {
  return { level: 'error', what };
}

export function warning(what: string): Finding {
  return { level: 'warning', what };
}
