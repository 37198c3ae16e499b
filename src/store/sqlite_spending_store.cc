#include "store/sqlite_spending_store.h"

#include <cmath>

namespace reprise {
namespace {

constexpr std::int64_t kKeptDays = 400;

constexpr char kAddTenantSpending[] =
    "INSERT INTO tenant_spending(day, tenant, usd) VALUES(?, ?, max(0, ?))"
    " ON CONFLICT(day, tenant) DO UPDATE SET usd = max(0, usd + ?)";
constexpr char kForget[] = "DELETE FROM tenant_spending WHERE day < ?";
constexpr char kSpentOn[] = "SELECT tenant, usd FROM tenant_spending WHERE day = ?";

class SqliteSpendingStore final : public SpendingStore {
 public:
  explicit SqliteSpendingStore(std::shared_ptr<SqliteDatabase> database)
      : database_(std::move(database)) {}

  Task<Result<void>> Add(std::int64_t day, std::string tenant, double usd) override {
    if (!std::isfinite(usd)) {
      co_return Fail(Code::kInvalidArgument, "an amount spent is not a number");
    }
    auto work = [day, usd, tenant = std::move(tenant)](SqliteConnection& to) -> Result<void> {
      auto add = to.Prepare(kAddTenantSpending);
      if (!add) return std::unexpected(add.error());
      auto done = (*add)->Integer(day).Text(tenant).Real(usd).Real(usd).Run();
      if (!done) return done;
      auto forget = to.Prepare(kForget);
      if (!forget) return std::unexpected(forget.error());
      return (*forget)->Integer(day - kKeptDays).Run();
    };
    co_return co_await database_->writer().Run(std::move(work));
  }

  Result<std::map<std::string, double>> SpentOn(std::int64_t day) const override {
    auto reader = database_->OpenReader();
    if (!reader) return std::unexpected(reader.error());
    auto statement = reader->Prepare(kSpentOn);
    if (!statement) return std::unexpected(statement.error());
    (*statement)->Integer(day);
    std::map<std::string, double> spent;
    for (;;) {
      const auto row = (*statement)->Step();
      if (!row) return std::unexpected(row.error());
      if (!*row) return spent;
      spent[std::string((*statement)->GetBytes(0))] = (*statement)->GetReal(1);
    }
  }

 private:
  const std::shared_ptr<SqliteDatabase> database_;
};

}  // namespace

std::unique_ptr<SpendingStore> MakeSqliteSpendingStore(std::shared_ptr<SqliteDatabase> database) {
  return std::make_unique<SqliteSpendingStore>(std::move(database));
}

}  // namespace reprise
