// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a command prints arrives, or the command says that it did not: while one of these lives, std::cout writes
// through it, and close() tells the first error of any write. After an error nothing more is written; the command goes
// on to its end, because its files are wanted whether or not somebody reads their names.
#include <array>
#include <streambuf>

namespace cli {

class StandardOutput : std::streambuf {
public:
    StandardOutput();
    StandardOutput(const StandardOutput&) = delete;
    StandardOutput& operator=(const StandardOutput&) = delete;
    ~StandardOutput() override;

    // Writes what is left and closes the descriptor, since some file systems tell of a full disk only then.
    // Returns the errno of the first failure, 0 when all was written.
    int close();

private:
    int_type overflow(int_type next) override;
    int sync() override;
    bool write_out();

    std::array<char, 65536> buffer_{};
    std::streambuf* before_;
    int error_ = 0;
    bool used_ = false;
};

// A program started without one of its standard streams (`>&-`) would get that number for the first file it opens, and
// print into it. Afterwards each such stream is open, and using it is an error.
void hold_standard_streams();

}  // namespace cli
