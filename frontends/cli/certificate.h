#pragma once
// Prints certificates as text for people and as JSON.

#include <nlohmann/json.hpp>
#include <span>

#include "weft/frontends/report/machine.h"
#include "weft/frontends/verify/certify.h"
#include "weft/frontends/verify/model_check.h"
#include "weft/frontends/verify/program_check.h"

namespace weft::cli {

/// The machine and the libraries that the certificate holds for.
void print_build(const report::Machine& machine);

/// The table of ops: its heading with the bounds, and a row.
void print_op_header();
void print_row(const verify::Certificate& certificate);
nlohmann::ordered_json as_json(const verify::Certificate& certificate);

/// The table of models.
void print_model_header();
void print_row(const verify::ModelCertificate& certificate);
nlohmann::ordered_json as_json(const verify::ModelCertificate& certificate);

/// The table of random programs.
void print_program_header();
void print_row(const verify::ProgramCertificate& certificate);
nlohmann::ordered_json as_json(const verify::ProgramCertificate& certificate);

/// Prints the first failures of a subject on stderr, a line each; the others are usually the same.
void print_failures(std::string_view subject, std::span<const std::string> failures);

}  // namespace weft::cli
