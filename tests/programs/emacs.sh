#!/bin/sh
# SPDX-License-Identifier: MIT
# Needs: emacs:emacs-nox
# Serves: emacs*
# Runs: batch: hash tables, a buffer of 20000 lines, regular expressions, JSON
set -eu
cat >work.el <<'LISP'
(setq table (make-hash-table :test 'equal))
(dotimes (i 50000)
  (push i (gethash (format "key%d" (% (* i 7919) 5003)) table)))
(let ((keys nil))
  (maphash (lambda (key list) (push (format "%s:%d" key (length list)) keys)) table)
  (princ (format "%d %s\n" (length keys)
                 (secure-hash 'sha256 (mapconcat #'identity (sort keys #'string<) ",")))))
(garbage-collect)
(with-temp-buffer
  (dotimes (i 20000) (insert (format "line %d of %d\n" i (% (* i 31) 997))))
  (goto-char (point-min))
  (let ((count 0))
    (while (re-search-forward "of \\([0-9]*\\)7$" nil t)
      (replace-match "OF <\\1>")
      (setq count (1+ count)))
    (princ (format "%d %d\n" count (buffer-size))))
  (sort-lines nil (point-min) (point-max))
  (princ (format "%s\n" (secure-hash 'md5 (current-buffer))))
  (shell-command-on-region (point-min) (point-max) "sort -r | head -n 2" t t)
  (princ (buffer-string)))
(require 'json)
(princ (format "%s\n" (secure-hash 'sha1
  (json-encode (vconcat (mapcar (lambda (i) (vector i (number-to-string i)))
                               (number-sequence 1 3000)))))))
(princ (format "%d\n" (mod (expt 3 5000) 1000000007)))
(with-temp-buffer
  (insert "(defun generated (x) (let ((y (* x x))) (if (> y 10) y (generated (1+ x)))))")
  (emacs-lisp-mode)
  (font-lock-ensure)
  (write-region nil nil "generated.el" nil 'quiet))
(byte-compile-file "generated.el")
(load (expand-file-name "generated.elc") nil t)
(princ (format "%d\n" (generated 1)))
LISP
emacs -Q --batch -l work.el
