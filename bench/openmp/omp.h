// FAISS' headers ask for OpenMP's, of which Debian's Clang has none unless another package is
// installed. This is as much of it as they and index_compare use.
#pragma once

struct omp_lock_t;  // named in declarations only

extern "C" void omp_set_num_threads(int count);
