; The installer for Windows, by Inno Setup 6.3 or newer. Made from the folder that packaging/pyinstaller/build.py has built:
;
;     ISCC.exe /DVersion=0.2.0 packaging\windows\terrace.iss
;
; It installs for the person who runs it (for all only when asked to), puts the programs on the path if wanted, and starts
; nothing. Uninstalling takes away what it brought: configuration, store and secrets lie elsewhere and stay.

#ifndef Version
  #error Name the version: ISCC.exe /DVersion=1.2.3 packaging\windows\terrace.iss
#endif
#define Name "Terrace"
#define Built "..\..\dist\terrace"

[Setup]
AppId={{7B0C4E1D-5A37-4C52-9F0A-2D64F1B8E3A9}
AppName={#Name}
AppVersion={#Version}
AppVerName={#Name} {#Version}
AppPublisher=Terrace authors
VersionInfoVersion={#Version}
LicenseFile=..\..\LICENSE
DefaultDirName={autopf}\{#Name}
DefaultGroupName={#Name}
DisableProgramGroupPage=yes
PrivilegesRequired=lowest
PrivilegesRequiredOverridesAllowed=dialog commandline
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
MinVersion=10.0.17763
ChangesEnvironment=yes
; A running daemon holds positions: the installer refuses instead of ending it.
CloseApplications=no
RestartApplications=no
Compression=lzma2/max
SolidCompression=yes
WizardStyle=modern
OutputDir=..\..\dist
OutputBaseFilename=terrace-{#Version}-windows-x86_64-setup
UninstallDisplayName={#Name} {#Version}
UninstallDisplayIcon={app}\terrace.exe

[Languages]
Name: "english"; MessagesFile: "compiler:Default.isl"

[Tasks]
Name: "path"; Description: "Put terrace and terraced on the path"; GroupDescription: "Command line:"

[InstallDelete]
; Libraries of an earlier version must not lie among those of this one.
Type: filesandordirs; Name: "{app}\_internal"

[Files]
Source: "{#Built}\terrace.exe"; DestDir: "{app}"; Flags: ignoreversion
Source: "{#Built}\terraced.exe"; DestDir: "{app}"; Flags: ignoreversion
Source: "{#Built}\LICENSE"; DestDir: "{app}"; Flags: ignoreversion
Source: "{#Built}\_internal\*"; DestDir: "{app}\_internal"; Flags: ignoreversion recursesubdirs createallsubdirs

[Icons]
Name: "{group}\{#Name} command line"; Filename: "{cmd}"; Parameters: "/K set ""PATH={app};%PATH%"" && terrace --help"; WorkingDir: "{userdocs}"
Name: "{group}\Uninstall {#Name}"; Filename: "{uninstallexe}"

[Code]
const
  UserKey = 'Environment';
  MachineKey = 'SYSTEM\CurrentControlSet\Control\Session Manager\Environment';

function PathRoot(): Integer;
begin
  if IsAdminInstallMode() then
    Result := HKEY_LOCAL_MACHINE
  else
    Result := HKEY_CURRENT_USER;
end;

function PathKey(): String;
begin
  if IsAdminInstallMode() then
    Result := MachineKey
  else
    Result := UserKey;
end;

procedure AddToPath(Folder: String);
var
  Paths: String;
begin
  if not RegQueryStringValue(PathRoot(), PathKey(), 'Path', Paths) then
    Paths := '';
  if Pos(';' + Uppercase(Folder) + ';', ';' + Uppercase(Paths) + ';') > 0 then
    exit;
  if (Paths <> '') and (Copy(Paths, Length(Paths), 1) <> ';') then
    Paths := Paths + ';';
  if not RegWriteExpandStringValue(PathRoot(), PathKey(), 'Path', Paths + Folder) then
    MsgBox('The path could not be changed. Add this folder by hand: ' + Folder, mbInformation, MB_OK);
end;

procedure TakeFromPath(Folder: String);
var
  Paths: String;
  At: Integer;
begin
  if not RegQueryStringValue(PathRoot(), PathKey(), 'Path', Paths) then
    exit;
  Paths := ';' + Paths + ';';
  At := Pos(';' + Uppercase(Folder) + ';', Uppercase(Paths));
  if At = 0 then
    exit;
  Delete(Paths, At, Length(Folder) + 1);
  Paths := Copy(Paths, 2, Length(Paths) - 2);
  RegWriteExpandStringValue(PathRoot(), PathKey(), 'Path', Paths);
end;

function IsRunning(Name: String): Boolean;
var
  Opened: TFileStream;
begin
  Result := False;
  if not FileExists(Name) then
    exit;
  try
    Opened := TFileStream.Create(Name, fmOpenReadWrite or fmShareExclusive);
    Opened.Free;
  except
    Result := True;
  end;
end;

function PrepareToInstall(var NeedsRestart: Boolean): String;
begin
  Result := '';
  if IsRunning(ExpandConstant('{app}\terraced.exe')) or IsRunning(ExpandConstant('{app}\terrace.exe')) then
    Result := 'Terrace is running. Stop it first: what it has open stays as it is.';
end;

procedure CurStepChanged(CurStep: TSetupStep);
begin
  if (CurStep = ssPostInstall) and WizardIsTaskSelected('path') then
    AddToPath(ExpandConstant('{app}'));
end;

function InitializeUninstall(): Boolean;
begin
  Result := not (IsRunning(ExpandConstant('{app}\terraced.exe')) or IsRunning(ExpandConstant('{app}\terrace.exe')));
  if not Result then
    MsgBox('Terrace is running. Stop it first.', mbError, MB_OK);
end;

procedure CurUninstallStepChanged(CurUninstallStep: TUninstallStep);
begin
  if CurUninstallStep = usPostUninstall then
    TakeFromPath(ExpandConstant('{app}'));
end;
