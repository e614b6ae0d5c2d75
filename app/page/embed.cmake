# Makes one HTML page of the files beside this one, and writes it as a C header: the page's bytes, and
# the hashes by which its Content-Security-Policy allows its style and its script and nothing else.
#   cmake -D OUTPUT=page_data.h -P embed.cmake
cmake_minimum_required(VERSION 3.25)

set(SCRIPTS format.js metrics.js timeline.js chart.js workers.js poll.js page.js)

# CMake has no base64, and a policy's hashes are written in it.
function(to_base64 hex ret)
  set(alphabet ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/)
  set(text "")
  # 32 bytes and a zero: the last of the 44 digits belongs to the zero alone.
  string(APPEND hex "00")
  foreach(start RANGE 0 60 6)
    string(SUBSTRING ${hex} ${start} 6 group)
    foreach(shift 18 12 6 0)
      math(EXPR digit "(0x${group} >> ${shift}) & 63")
      string(SUBSTRING ${alphabet} ${digit} 1 digit)
      string(APPEND text ${digit})
    endforeach()
  endforeach()
  string(REGEX REPLACE "A$" "=" text ${text})
  set(${ret} ${text} PARENT_SCOPE)
endfunction()

function(policy_hash content ret)
  string(SHA256 hex "${content}")
  to_base64(${hex} text)
  set(${ret} "'sha256-${text}'" PARENT_SCOPE)
endfunction()

set(script "")
foreach(name ${SCRIPTS})
  file(READ ${CMAKE_CURRENT_LIST_DIR}/${name} content)
  string(APPEND script "\n${content}")
endforeach()
file(READ ${CMAKE_CURRENT_LIST_DIR}/page.css style)
file(READ ${CMAKE_CURRENT_LIST_DIR}/page.html page)
string(REPLACE "@STYLE@" "${style}" page "${page}")
string(REPLACE "@SCRIPT@" "${script}" page "${page}")
policy_hash("${style}" style_hash)
policy_hash("${script}" script_hash)

file(WRITE ${OUTPUT}.html "${page}")
file(READ ${OUTPUT}.html bytes HEX)
string(REGEX REPLACE "(................................)" "\\1\n    " bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${OUTPUT} "/* Written by embed.cmake. */
#define PAGE_STYLE_HASH \"${style_hash}\"
#define PAGE_SCRIPT_HASH \"${script_hash}\"

static const unsigned char page_html[] = {
    ${bytes}
};
")
