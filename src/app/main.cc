// Entry point: reads the command line and runs one subcommand.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "app/archive_commands.h"
#include "app/commands.h"
#include "app/service.h"
#include "wordnet/wordnet.h"

int main(int argc, char** argv) {
  using namespace reprise;
  PrepareProcess();
  CLI::App root("Reprise: a semantic cache for image generation", "reprise");
  root.set_version_flag("--version", std::string(Version()));
  root.add_flag_callback(
      "--licenses", [] { throw CLI::CallForVersion(std::string(WordNet::BuiltIn().Notice()), 0); },
      "Print the notices of what is part of the program");
  root.require_subcommand(1);
  Command chosen;
  for (const auto add : {AddServe, AddDemo, AddGenerate, AddExplain, AddEval, AddStats, AddFeedback,
                         AddPurge, AddExport, AddImport, AddKeys, AddDoctor, AddSimulate}) {
    add(root, chosen);
  }
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return root.exit(error) == 0 ? 0 : 2;
  }
  try {
    return chosen();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "reprise: %s\n", error.what());
    return 1;
  }
}
