// What a program that reports results needs: the machine, as a table and as JSON.

#include <cstdio>
#include <exception>
#include <nlohmann/json.hpp>

#include "weft/frontends/report/csv.h"
#include "weft/frontends/report/machine.h"

int main() {
  using namespace weft::report;
  try {
    const Machine machine = this_machine();
    std::puts(csv_line({csv_text("processor"), csv_text(machine.cpu)}).c_str());
    std::puts(as_json(machine).dump().c_str());
    return as_json(machine).is_object() ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
