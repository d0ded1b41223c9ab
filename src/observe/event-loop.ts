// How late a thread's event loop runs: nothing may hold one longer than 50 ms (DESIGN 5).
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** A sample each 20 ms finds every hold that matters and wakes an idle process little. */
const RESOLUTION_MS = 20;

type IntervalHistogram = ReturnType<typeof monitorEventLoopDelay>;

/** Measures this thread's event loop. */
export class EventLoopDelay implements Disposable {
  readonly #histogram: IntervalHistogram;

  constructor() {
    this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.#histogram.enable();
  }

  /** The delay in seconds at each quantile (1 is the maximum) since the last time this was asked. */
  take(quantiles: readonly number[]): number[] {
    const delays = quantiles.map((quantile) => delaySeconds(this.#histogram, quantile));
    this.#histogram.reset();
    return delays;
  }

  [Symbol.dispose](): void {
    this.#histogram.disable();
  }
}

/** The histogram holds the time between samples: what is above its resolution is delay. */
function delaySeconds(histogram: IntervalHistogram, quantile: number): number {
  if (histogram.count === 0) return 0;
  const nanoseconds = quantile === 1 ? histogram.max : histogram.percentile(quantile * 100);
  return Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1e3);
}
