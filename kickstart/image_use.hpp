// SPDX-License-Identifier: Apache-2.0
#pragma once
// What becomes of each command and section when an image is built, in words for the one who wrote it. The reasons of
// one distribution's plan (a package that is missing, a disk too small) come from the plan itself.
#include <string>
#include <string_view>

namespace kickstart {

enum class Use { honoured, partly, ignored, refused };

struct ImageUse {
    Use use = Use::refused;
    std::string_view why = "not built into images";  // when honoured: what is done
};

ImageUse image_use(std::string_view command);  // "part", "%pre", "%post --nochroot", "%include"
std::string_view use_name(Use use);            // "partly honoured"

// The same of every command and section of the language, as the table of docs/kickstart.md: lines of Markdown.
std::string image_use_table();

}  // namespace kickstart
