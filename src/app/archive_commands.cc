#include "app/archive_commands.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "app/progress_line.h"
#include "base/clock.h"
#include "store/archive.h"
#include "store/posix_file.h"

namespace reprise {
namespace {

struct ArchiveOptions {
  ConfigOptions config;
  std::string file;
  bool as_json = false;
};

// What is counted goes to standard error where the archive goes to standard output.
void Print(const ArchiveCounts& counts, const ArchiveOptions& options, const char* done,
           std::FILE* out) {
  if (options.as_json) {
    const nlohmann::json json = {{"entries", counts.entries},
                                 {"images", counts.images},
                                 {"bytes", counts.bytes},
                                 {"corrections", counts.corrections},
                                 {"left_out", counts.left_out}};
    fmt::print(out, "{}\n", json.dump(2));
    return;
  }
  fmt::print(out, "{} entries with {} images and {} corrections {}\n", counts.entries,
             counts.images, counts.corrections, done);
  if (counts.left_out > 0) fmt::print(out, "{} images were left out\n", counts.left_out);
}

Result<ArchiveCounts> WriteTo(const ByteSink& sink, const Config& config) {
  ProgressLine line("entries exported");
  return ExportArchive(config.data, sink,
                       [&](std::size_t done, std::size_t all) { line.Show(done, all); });
}

// Under another name until it is whole: a backup that was cut off must not pass for one.
Result<ArchiveCounts> ExportToFile(const std::string& name, const Config& config) {
  const std::string part = name + ".part";
  auto file = PosixFile::Open(part, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file) return std::unexpected(file.error());
  auto counts = WriteTo([&](std::string_view bytes) { return file->Write(bytes); }, config);
  if (counts) {
    if (auto synced = file->Sync(); !synced) counts = std::unexpected(synced.error());
  }
  if (counts && ::rename(part.c_str(), name.c_str()) != 0) {
    counts = FileError("rename a file to", name, errno);
  }
  if (!counts) ::unlink(part.c_str());
  return counts;
}

Result<void> WriteToPipe(std::string_view bytes) {
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size();
  return written ? Result<void>() : FileError("write to", "standard output", errno);
}

int Export(const ArchiveOptions& options) {
  const auto config = options.config.Load();
  if (!config) return Report(config.error());
  const bool piped = options.file == "-";
  if (piped && ::isatty(STDOUT_FILENO) == 1) {
    return Report({Code::kInvalidArgument, "an archive is nothing for a terminal; name a file"});
  }
  auto counts = piped ? WriteTo(WriteToPipe, *config) : ExportToFile(options.file, *config);
  if (counts && piped && std::fflush(stdout) != 0) {
    counts = FileError("write to", "standard output", errno);
  }
  if (!counts) return Report(counts.error());
  Print(*counts, options, "exported", piped ? stderr : stdout);
  return 0;
}

ByteSource ReadFrom(int descriptor, const std::string& name) {
  return [descriptor, name](char* buffer, std::size_t size) -> Result<std::size_t> {
    ssize_t got = 0;
    do {
      got = ::read(descriptor, buffer, size);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return FileError("read", name, errno);
    return static_cast<std::size_t>(got);
  };
}

// Nothing for a pipe.
Result<std::optional<PosixFile>> OpenArchive(const std::string& name) {
  if (name == "-") return std::nullopt;
  auto file = PosixFile::Open(name, O_RDONLY);
  if (!file) return std::unexpected(file.error());
  return std::move(*file);
}

int Import(const ArchiveOptions& options) {
  const auto config = options.config.Load();
  if (!config) return Report(config.error());
  auto file = OpenArchive(options.file);
  if (!file) return Report(file.error());
  const int descriptor = *file ? (*file)->descriptor() : STDIN_FILENO;
  Result<ArchiveCounts> counts;
  {
    ProgressLine line("entries read");
    counts = ImportArchive(config->data, ReadFrom(descriptor, options.file),
                           {.max_bytes = config->cache.limits.max_bytes,
                            .max_entries = config->cache.limits.max_entries,
                            .now_ms = SystemClock().NowMs()},
                           [&](std::size_t done, std::size_t all) { line.Show(done, all); });
  }
  if (!counts) return Report(counts.error());
  Print(*counts, options, "imported", stdout);
  return 0;
}

CLI::App* AddCommand(CLI::App& root, const char* name, const char* help,
                     const std::shared_ptr<ArchiveOptions>& options) {
  CLI::App* command = root.add_subcommand(name, help);
  command->add_option("FILE", options->file, "The archive; - for a pipe")->required();
  options->config.Add(*command);
  command->add_flag("--json", options->as_json, "As JSON");
  return command;
}

}  // namespace

void AddExport(CLI::App& root, Command& chosen) {
  auto options = std::make_shared<ArchiveOptions>();
  AddCommand(root, "export",
             "Write all that is stored into an archive, also while a gateway runs on the data "
             "directory",
             options)
      ->callback([options, &chosen] { chosen = [options] { return Export(*options); }; });
}

void AddImport(CLI::App& root, Command& chosen) {
  auto options = std::make_shared<ArchiveOptions>();
  AddCommand(root, "import",
             "Add what an archive has to a data directory, while no gateway runs on it", options)
      ->callback([options, &chosen] { chosen = [options] { return Import(*options); }; });
}

}  // namespace reprise
