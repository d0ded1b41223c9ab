// How late a thread's event loop runs: nothing may hold one longer than 50 ms (DESIGN 5).
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Gauge, type Registry } from 'prom-client';

/** A sample each 20 ms finds every hold that matters and wakes an idle process little. */
const RESOLUTION_MS = 20;
const QUANTILES = [50, 99, 99.9, 100] as const;

type IntervalHistogram = ReturnType<typeof monitorEventLoopDelay>;

/** Measures this thread's event loop and exposes it: quantiles and the maximum (quantile 1) since the last scrape. */
export class EventLoopDelay implements Disposable {
  readonly #histogram: IntervalHistogram;

  constructor(thread: number, registry: Registry) {
    const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    histogram.enable();
    this.#histogram = histogram;
    const gauge = new Gauge({
      name: 'posthuis_event_loop_delay_seconds',
      help: 'How late the event loop of a thread ran since the last scrape; quantile 1 is the maximum',
      labelNames: ['thread', 'quantile'],
      registers: [registry],
      collect: () => {
        for (const percent of QUANTILES) {
          gauge.set({ thread, quantile: percent / 100 }, delaySeconds(histogram, percent));
        }
        histogram.reset();
      },
    });
  }

  [Symbol.dispose](): void {
    this.#histogram.disable();
  }
}

/** The histogram holds the time between samples: what is above its resolution is delay. */
function delaySeconds(histogram: IntervalHistogram, percent: number): number {
  if (histogram.count === 0) return 0;
  const nanoseconds = percent === 100 ? histogram.max : histogram.percentile(percent);
  return Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1e3);
}
