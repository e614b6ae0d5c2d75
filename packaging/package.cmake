# Everything that is installed beside the program, and the Debian package of it all.
# `script/package` builds, checks and names the package.

# Debian's policy asks for compressed manuals and changelogs, without a time stamp in them.
function(install_gzipped source destination name)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/packaging/${name})
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_CURRENT_BINARY_DIR}/packaging
    COMMAND gzip -9nc ${CMAKE_SOURCE_DIR}/${source} > ${output}
    DEPENDS ${source}
    VERBATIM)
  add_custom_target(gzip-${name} ALL DEPENDS ${output})
  install(FILES ${output} DESTINATION ${destination})
endfunction()

# Not CMAKE_INSTALL_LIBDIR: these paths are systemd's, the same on every architecture.
install(FILES systemd/bcryptd.service systemd/bcryptd.socket DESTINATION lib/systemd/system)
install(DIRECTORY systemd/nginx.service.d DESTINATION lib/systemd/system)
install(FILES systemd/bcryptd.sysusers DESTINATION lib/sysusers.d RENAME bcryptd.conf)
install(FILES systemd/bcryptd.tmpfiles DESTINATION lib/tmpfiles.d RENAME bcryptd.conf)
install(FILES packaging/default/bcryptd DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/default)
install(DIRECTORY nginx DESTINATION ${CMAKE_INSTALL_DATADIR}/bcryptd)
install(FILES packaging/debian/copyright packaging/debian/README.Debian
  DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES packaging/debian/lintian-overrides
  DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides RENAME bcryptd)
install_gzipped(docs/man/bcryptd.8 ${CMAKE_INSTALL_MANDIR}/man8 bcryptd.8.gz)
install_gzipped(packaging/debian/changelog ${CMAKE_INSTALL_DOCDIR} changelog.Debian.gz)

set(CPACK_GENERATOR DEB)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PACKAGE_CONTACT "bcryptd maintainers <maintainers@bcryptd.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "bcrypt hashing service behind nginx")
set(CPACK_PACKAGE_DESCRIPTION
"Computes and verifies bcrypt hashes for HTTP clients. nginx terminates TLS,
limits clients and passes requests over FastCGI to a pool of unix sockets that
systemd holds; one worker process a CPU computes the hashes. Requests that
waited too long are refused before a hash is computed for them.
.
Metrics, health checks and the workers' states are on a socket of their own.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION web)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# For systemd-sysusers, which makes the service's user.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers | systemd-sysusers")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS nginx)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${CMAKE_SOURCE_DIR}/packaging/debian/conffiles
  ${CMAKE_SOURCE_DIR}/packaging/debian/postinst
  ${CMAKE_SOURCE_DIR}/packaging/debian/postrm
  ${CMAKE_SOURCE_DIR}/packaging/debian/prerm)
include(CPack)
