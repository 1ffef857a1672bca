import Foundation

/// How long the calling thread has been at work: what code takes, whatever runs beside it. Only around synchronous code that stays on
/// its thread: neither what it waits for nor what other threads do is counted.
package func processorTime() -> Duration {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}
