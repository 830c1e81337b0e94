// SPDX-License-Identifier: Apache-2.0
// The byte tables of docs/formats/vhd.md are those of the structures, field by field.
#include <gmock/gmock.h>

#include <cstddef>
#include <fstream>
#include <string>
#include <vector>

#include "formats/vhd/vhd_structs.hpp"

namespace {

using formats::vhd::BatmapHeader;
using formats::vhd::DynamicHeader;
using formats::vhd::Footer;

// "| 58 | heads" or "| 8–11 | features" as a table's row begins.
std::string row(const char* name, std::size_t offset, std::size_t size) {
    const std::string first = std::to_string(offset);
    return "| " + first + (size == 1 ? "" : "–" + std::to_string(offset + size - 1)) + " | " + name + " |";
}
#define FIELD(structure, name) row(#name, offsetof(structure, name), sizeof(structure::name))

// The beginnings of the rows of the table that follows the line with `title`.
std::vector<std::string> rows_after(const std::string& title) {
    std::ifstream page(std::string(XENKILN_SOURCE_DIR) + "/docs/formats/vhd.md");
    std::vector<std::string> rows;
    bool found = false, table = false;
    for (std::string line; std::getline(page, line);) {
        found = found || line.starts_with(title);
        if (found && line.starts_with("| ") && line.find(" | field |") == std::string::npos)
            rows.push_back(line.substr(0, line.find('|', line.find('|', 1) + 1) + 1));
        table = table || (found && line.starts_with('|'));
        if (table && line.empty()) break;
    }
    return rows;
}

TEST(VhdPage, has_every_field_of_the_footer_at_its_place) {
    EXPECT_THAT(rows_after("Footer, 512 bytes"),
                testing::ElementsAre(
                    FIELD(Footer, cookie), FIELD(Footer, features), FIELD(Footer, file_format_version),
                    FIELD(Footer, data_offset), FIELD(Footer, timestamp), FIELD(Footer, creator_application),
                    FIELD(Footer, creator_version), FIELD(Footer, creator_host_os), FIELD(Footer, original_size),
                    FIELD(Footer, current_size), FIELD(Footer, cylinders), FIELD(Footer, heads),
                    FIELD(Footer, sectors_per_track), FIELD(Footer, disk_type), FIELD(Footer, checksum),
                    FIELD(Footer, unique_id), FIELD(Footer, saved_state), FIELD(Footer, reserved)));
    EXPECT_EQ(offsetof(Footer, reserved) + sizeof(Footer::reserved), sizeof(Footer));
}

TEST(VhdPage, has_every_field_of_the_dynamic_header_at_its_place) {
    EXPECT_THAT(rows_after("Dynamic header, 1024 bytes"),
                testing::ElementsAre(FIELD(DynamicHeader, cookie), FIELD(DynamicHeader, data_offset),
                                     FIELD(DynamicHeader, table_offset), FIELD(DynamicHeader, header_version),
                                     FIELD(DynamicHeader, max_table_entries), FIELD(DynamicHeader, block_size),
                                     FIELD(DynamicHeader, checksum), FIELD(DynamicHeader, parent_unique_id),
                                     FIELD(DynamicHeader, parent_timestamp), FIELD(DynamicHeader, reserved),
                                     FIELD(DynamicHeader, parent_name), FIELD(DynamicHeader, parent_locators),
                                     FIELD(DynamicHeader, reserved_2)));
    EXPECT_EQ(offsetof(DynamicHeader, reserved_2) + sizeof(DynamicHeader::reserved_2), sizeof(DynamicHeader));
}

TEST(VhdPage, has_every_field_of_the_batmap_header_at_its_place) {
    EXPECT_THAT(rows_after("Batmap header, 512 bytes"),
                testing::ElementsAre(FIELD(BatmapHeader, cookie), FIELD(BatmapHeader, batmap_offset),
                                     FIELD(BatmapHeader, batmap_size), FIELD(BatmapHeader, batmap_version),
                                     FIELD(BatmapHeader, checksum), FIELD(BatmapHeader, padding)));
    EXPECT_EQ(offsetof(BatmapHeader, padding) + sizeof(BatmapHeader::padding), sizeof(BatmapHeader));
}

}  // namespace
