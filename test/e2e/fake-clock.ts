// Loaded into the controller (`node --import`): at SIGUSR2 its monotonic clock has gone on by a quarter of an hour.
process.on('SIGUSR2', () => {
  const now = performance.now.bind(performance);
  performance.now = () => now() + 15 * 60_000;
});
