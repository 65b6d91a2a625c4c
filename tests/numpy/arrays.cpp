// weft_numpy_arrays FROM TO: reads every .npy and .npz file of one folder and writes it to another, for
// arrays.py to compare.

#include <exception>
#include <filesystem>
#include <iostream>

#include "weft/frontends/data/npy.h"
#include "weft/frontends/data/npz.h"

int main(int argc, char** argv) {
  namespace fs = std::filesystem;
  if (argc != 3) return 2;
  try {
    for (const fs::directory_entry& entry : fs::directory_iterator(argv[1])) {
      const fs::path to = fs::path(argv[2]) / entry.path().filename();
      if (to.extension() == ".npz") {
        weft::data::write_npz(weft::data::read_npz(entry.path()), to, weft::data::NpzCompression::deflated);
      } else {
        weft::data::write_npy(weft::data::read_npy(entry.path()), to);
      }
    }
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
  return 0;
}
