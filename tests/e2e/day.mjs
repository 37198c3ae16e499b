// Budgets are a day's (UTC), and no test can choose the gateway's clock.
const today = () => Math.floor(Date.now() / 86_400_000);

// Runs `scenario`, which starts all it needs itself, within one day: again when midnight fell into
// it, as its numbers are those of two days then.
export async function withinOneDay(scenario) {
  for (;;) {
    const day = today();
    try {
      await scenario();
      return;
    } catch (error) {
      if (today() === day) throw error;
    }
  }
}
