"""Files that lie elsewhere: HTTP, WebDAV, SFTP, S3 and mailboxes, fetched into one store of copies."""
